"""lm-eval's face of the API model: `--model mathtasks-chat` and `--model mathtasks-completions`.

    mathtasks run --model mathtasks-chat --model_args model=gpt-4o-mini,rpm=500,tpm=200000 --tasks math500

Arguments: `settings.Settings`. The key comes from the environment (OPENAI_API_KEY).
"""

import asyncio
import json
import logging
import signal
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NoReturn

from lm_eval.api.model import LM

from lm_eval_mathtasks.errors import ItemFatal, ModelError, RunFatal
from lm_eval_mathtasks.journal.queries import answered_keys
from lm_eval_mathtasks.journal.store import Journal
from lm_eval_mathtasks.keys import read_key
from lm_eval_mathtasks.models.answers_read import Answers
from lm_eval_mathtasks.models.batch_api import write_batch
from lm_eval_mathtasks.models.capabilities import Capabilities
from lm_eval_mathtasks.models.client import Client
from lm_eval_mathtasks.models.dispatch import Dispatcher
from lm_eval_mathtasks.models.engine import Engine
from lm_eval_mathtasks.models.faults import RUN_AGAIN, Fault
from lm_eval_mathtasks.models.money import Spending, read_price, require_price
from lm_eval_mathtasks.models.others import Others
from lm_eval_mathtasks.models.payload import Ask, AskBuilder, ChatPrompt, Payload
from lm_eval_mathtasks.models.plan import Planned, estimate, say_settings
from lm_eval_mathtasks.models.progress import Progress
from lm_eval_mathtasks.models.run_report import RunReport, run_reports
from lm_eval_mathtasks.models.settings import read_settings, require_tokens
from lm_eval_mathtasks.response import Response, hit_limit

log = logging.getLogger(__name__)


class MathtasksChat(LM):  # type: ignore[misc]  # lm-eval publishes no types
    """Any OpenAI-compatible chat endpoint: paced to its limits, journalled, resumable."""

    chat = True

    def __init__(self, **arguments: Any) -> None:
        super().__init__()
        self.settings = read_settings(arguments)
        settings = self.settings
        self.key = read_key(settings.api_key_env)
        self.capabilities = Capabilities.of(settings.model, chat=self.chat, reasoning=settings.reasoning)
        self.price = read_price(settings.model, settings.prices)
        require_price(self.price, settings.max_cost)
        extra: Payload = {}
        if settings.reasoning_effort:
            extra["reasoning_effort"] = settings.reasoning_effort
        if settings.enable_thinking is not None:
            extra["chat_template_kwargs"] = {"enable_thinking": settings.enable_thinking}
        self.builder = AskBuilder(
            endpoint=settings.base_url, chat=self.chat, model=settings.model, seed=settings.seed,
            default_limit=settings.max_gen_toks, extra=extra,
        )  # fmt: skip
        self.report: RunReport | None = None

    # -- lm-eval's interface

    @property
    def tokenizer_name(self) -> str:
        """What lm-eval's request cache tells models apart by; the server applies its own template."""
        return self.settings.model.replace("/", "__")

    def apply_chat_template(
        self,
        chat_history: list[dict[str, str]],
        add_generation_prompt: bool = True,  # noqa: ARG002
    ) -> Any:
        """The messages as they will be sent, in the form that lm-eval logs."""
        return ChatPrompt(json.dumps(chat_history, ensure_ascii=False))

    def loglikelihood(self, requests: list[Any]) -> Any:  # noqa: ARG002
        """Not offered: such an API does not return the likelihood of a given text."""
        fix = "choose a generative variant of it"
        raise ModelError("a task that generates text", "one that scores given continuations", fix)

    loglikelihood_rolling = loglikelihood

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> Sequence[Response]:
        """One Response for each Instance, in order: from the journal, or asked now. They are read when they are used.

        Raises RunFatal if the run had to stop, ItemFatal if docs have no answer and on_item_error=fail, Planned
        after dry_run or batch_out, KeyboardInterrupt or SystemExit after a signal; answers are journalled first.
        """
        settings = self.settings
        planned = self.builder.plan(requests)
        keys = [ask.key for ask in planned]
        if settings.dry_run:
            kept = answered_keys(settings.journal, keys)
            missing = [ask for ask in planned if ask.key not in kept]
            return self._stop_here(estimate(settings, self.price, missing, len(keys)))
        journal = Journal(settings.journal)
        try:
            known = journal.answered(keys)
            asks = [ask for ask in planned if ask.key not in known]
            if asks and not known:
                say_settings(asks[0], settings)
            longest = max((ask.max_tokens for ask in asks), default=0)
            journal.require_space(len(asks), longest)
            require_tokens(settings, longest)
            journal.note_docs((ask.key, ask.task, ask.doc_id, ask.repeat) for ask in planned)
            if settings.batch_out:
                return self._stop_here(
                    write_batch(asks, journal, self.capabilities, settings, chat=self.chat)
                )
            report = self._new_report(len(keys), len(known))
            cuts = [ask.settings for ask in planned]
            # Of 200,000 requests these take 100 MB, and the answers come next.
            del planned, known
            faults = self._ask(asks, journal, report, settings.progress and not disable_tqdm) if asks else {}
            del asks
            answers = Answers(journal, keys, cuts, faults)
            self._deliver(answers, report, [str(faults[key]) for key in keys if key in faults])
        except BaseException:
            journal.close()
            raise
        journal.close(read_on=True)
        return answers

    def _stop_here(self, lines: Iterator[str]) -> NoReturn:
        """Nothing is to be asked: say what was planned, and end."""
        said = list(lines)
        print("\n".join(said))
        raise Planned(said)

    # -- the parts

    def _new_report(self, asked: int, found: int) -> RunReport:
        settings = self.settings
        report = RunReport(settings.model, settings.journal, asked=asked, from_journal=found)
        self.report = report
        run_reports.append(report)
        return report

    def _ask(self, asks: list[Ask], journal: Journal, report: RunReport, shown: bool) -> dict[str, Fault]:
        """Ask all `asks`; returns the faults of those without an answer. Raises if the run was stopped."""
        others = Others(asks, journal, report)
        ours = iter(others.left())
        others.say()

        async def run() -> Engine:
            engine = self._engine(journal, report, shown)
            try:
                await engine.run(ours, others)
            finally:
                engine.progress.close()
            return engine

        engine = _run(run())
        if engine.stopped:
            self._print(report)
        if engine.signalled == signal.SIGINT:
            raise KeyboardInterrupt
        if engine.signalled:
            raise SystemExit(128 + engine.signalled)
        if stopped := engine.stopped:
            raise RunFatal(stopped.wanted, stopped.said, stopped.fix)
        return engine.faults

    def _engine(self, journal: Journal, report: RunReport, shown: bool) -> Engine:
        settings = self.settings
        connections = settings.num_concurrent
        dispatcher = Dispatcher(settings.rpm, settings.tpm, connections)
        client = Client(
            base_url=settings.base_url, key=self.key, chat=self.chat, connections=connections, on_sent=dispatcher.sent
        )  # fmt: skip
        spending = Spending(self.price, settings.max_cost, settings.max_tokens_total, report)
        progress = Progress(report.asked, report.from_journal, report, dispatcher, shown)
        return Engine(
            settings=settings, client=client, dispatcher=dispatcher, capabilities=self.capabilities, journal=journal,
            spending=spending, report=report, progress=progress,
        )  # fmt: skip

    def _deliver(self, answers: Answers, report: RunReport, failed: Sequence[str]) -> None:
        """Say what happened; raises if some docs `failed` and that is to be an error."""
        report.truncated = sum(hit_limit(response.finish_reason) for response in answers)
        self._print(report)
        if failed and self.settings.on_item_error == "fail":
            raise ItemFatal(
                f"answers to all {len(answers)} requests",
                f"{len(failed)} without one ({report.named}), such as {failed[0]}",
                f"{RUN_AGAIN}; or score them as api_error with on_item_error=skip",
            )

    def _print(self, report: RunReport) -> None:
        level = logging.WARNING if report.exit_code or report.dropped else logging.INFO
        for line in report.lines():
            log.log(level, "%s", line)


class MathtasksCompletions(MathtasksChat):
    """The same for /v1/completions: plain prompts, no chat template."""

    chat = False


def _run(work: Coroutine[Any, Any, Engine]) -> Engine:
    """Run to the end, in a thread of its own where a loop is running already (a notebook)."""
    thread = None
    with suppress(RuntimeError):
        asyncio.get_running_loop()
        thread = ThreadPoolExecutor(1, "mathtasks-chat")
    return thread.submit(asyncio.run, work).result() if thread else asyncio.run(work)
