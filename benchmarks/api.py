"""How close API clients come to the least time that a rate-limited server allows, and what they lose or pay twice.

    python benchmarks/api.py --simulator ../shared/tools/openai_simulator.py
    python benchmarks/api.py --scenarios b d --peers mathtasks sdk

Prints a Markdown table: per scenario and peer the answers in the user's hand, the ratio of wall time to the least
time (as the simulator computes it from its log, process start-up excluded), refusals, and requests paid twice.
Scenarios run one after the other. The simulator is not part of this repository: give its path, or MATHTASKS_SHARED.
"""

import argparse
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
KEY = "sk-benchmark-not-a-secret"
MAX_TOKENS = 2048
CONCURRENCY = 64
BOUND_S = 60.0  # of lm-eval's defaults, which would take half an hour; its ratio is extrapolated

# name -> (what it is, simulator options, mathtasks arguments, seconds after which a peer is stopped)
SCENARIOS = {
    "a": ("no limit", "", "", 240),
    "b": ("250 RPM, known", "--rpm 250", "rpm=250", 240),
    "bu": ("250 RPM, unknown", "--rpm 250", "", 240),
    "bn": ("250 RPM, unknown, no headers", "--rpm 250 --headers none", "", 240),
    "c": ("540k TPM, known", "--tpm 540000", "tpm=540000", 240),
    "cu": ("540k TPM, unknown", "--tpm 540000", "", 240),
    "bq": ("500 RPM by the second, known", "--rpm 500 --burst-s 1", "rpm=500", 240),
    "bqu": ("500 RPM by the second, unknown", "--rpm 500 --burst-s 1", "", 240),
    "d": ("250 RPM, 4.5 % faults", "--rpm 250 --p-500 .02 --p-reset .01 --p-hang .01 --p-truncated .005",
          "rpm=250", 300),
    "h": ("no limit, 3 % hangs", "--p-hang .03", "", 240),
    "g": ("503 beyond 40 at once", "--max-inflight 40 --overload 503 --headers none", "", 240),
    "w": ("two processes on one key, 250 RPM, unknown", "--rpm 250", "", 240),
    "e": ("quota after 300, then topped up", "--quota 300", "", 120),
    "f": ("SIGKILL at 250, then again", "", "", 240),
    "t": ("SIGTERM at 250, then again", "", "", 240),
    "m": ("20,000 prompts, server 40 times faster", "--speed 40", "", 600),
}  # fmt: skip
# Answers that the simulator charges and sends half of: whoever wants them pays twice.
BROKEN_OFF = {"reset", "truncated"}
DEFAULT_SCENARIOS = [s for s in SCENARIOS if s != "m"]
PEERS = ("mathtasks", "sdk", "lmeval-tuned", "lmeval-default")


# -- one peer, in a process of its own


def instances(model, rows):
    from lm_eval.api.instance import Instance

    kwargs = {"until": [], "do_sample": False, "temperature": 0.0, "max_gen_toks": MAX_TOKENS}
    return [
        Instance("generate_until", r, (model.apply_chat_template([{"role": "user", "content": r["problem"]}]), kwargs),
                 0, ("bench", r["id"], 1))
        for r in rows
    ]  # fmt: skip


def ask_mathtasks(url, rows, extra, journal):
    from lm_eval_mathtasks.models.chat_api import MathtasksChat

    arguments = {"num_concurrent": CONCURRENCY, "progress": False}
    arguments |= dict(part.split("=", 1) for part in extra.split(",") if part)
    model = MathtasksChat(model="sim", base_url=url, journal=journal, **arguments)
    return timed(model.generate_until, instances(model, rows))


def ask_lmeval(url, rows, tuned):
    import lm_eval.models  # noqa: F401
    from lm_eval.api.registry import get_model

    settings = {"num_concurrent": CONCURRENCY, "max_retries": 20, "timeout": 30} if tuned else {}
    model = get_model("local-chat-completions")(model="sim", base_url=url + "/chat/completions", **settings)
    return timed(lambda asked: model.generate_until(asked, disable_tqdm=True), instances(model, rows))


def ask_sdk(url, rows):
    import asyncio

    import openai

    async def main():
        client, slots = openai.AsyncOpenAI(base_url=url, max_retries=10), asyncio.Semaphore(CONCURRENCY)

        async def one(row):
            async with slots:
                reply = await client.chat.completions.create(
                    model="sim", messages=[{"role": "user", "content": row["problem"]}], max_tokens=MAX_TOKENS,
                    temperature=0, seed=1234,
                )  # fmt: skip
                return reply.choices[0].message.content

        return await asyncio.gather(*map(one, rows), return_exceptions=True)

    return timed(lambda _: asyncio.run(main()), rows)


def timed(ask, asked):
    """(answers, seconds): by the client's own clock, with the SDK imported before."""
    import openai  # noqa: F401

    began = time.monotonic()
    return ask(asked), time.monotonic() - began


def client(o):
    rows = [json.loads(line) for line in Path(o.prompts).read_text().splitlines()]
    if o.peer == "mathtasks":
        answers, seconds = ask_mathtasks(o.url, rows, o.extra, o.journal)
    elif o.peer == "sdk":
        answers, seconds = ask_sdk(o.url, rows)
    else:
        answers, seconds = ask_lmeval(o.url, rows, o.peer == "lmeval-tuned")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    hand = sum(isinstance(a, str) and bool(a) for a in answers)
    print(json.dumps({"hand": hand, "mb": round(memory), "own_s": round(seconds, 2)}))


# -- the stage


class Stage:
    """The simulator with one scenario's options, and its log."""

    def __init__(self, simulator, options, folder, port):
        self.log, self.url = folder / "requests.jsonl", f"http://127.0.0.1:{port}/v1"
        self.simulator, self.admin = simulator, f"http://127.0.0.1:{port}/_admin"
        command = [
            sys.executable,
            simulator,
            "serve",
            "--port",
            str(port),
            "--log",
            str(self.log),
            *options.split(),
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()

    def call(self, what, body=None):
        from urllib.request import Request, urlopen

        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        with urlopen(
            Request(f"{self.admin}/{what}", data=data, headers=headers)
        ) as reply:  # the stage is local
            return json.load(reply)

    def requests(self):
        rows = map(json.loads, self.log.read_text().splitlines())
        return [row for row in rows if "id" in row]

    def sent_after_quota(self):
        """How long, and how many requests, a client went on after the first quota error."""
        sent = [(row["t"], row["kind"]) for row in self.requests()]
        first = min(t for t, kind in sent if kind == "429-quota")
        late = [t - first for t, _ in sent if t > first]
        return f"{len(late)} requests in the {max(late, default=0):.1f} s after the first quota error"

    def report(self):
        lag = self.call("stats")["worst_lag_ms"]
        self.process.terminate()
        self.process.wait()
        out = subprocess.run(
            [sys.executable, self.simulator, "report", "--json", self.log],
            capture_output=True,
            text=True,
            check=True,
        )
        broken_off = sum(row["kind"] in BROKEN_OFF and row["billed"] for row in self.requests())
        return {**json.loads(out.stdout), "lag_ms": lag, "broken_off": broken_off}


def start(peer, stage, folder, prompts, extra):
    environment = {**os.environ, "OPENAI_API_KEY": KEY, "HF_HUB_OFFLINE": "1",
                   "PYTHONPATH": str(ROOT)}  # fmt: skip
    command = [sys.executable, __file__, "client", "--peer", peer, "--url", stage.url, "--prompts", str(prompts),
               "--journal", str(folder / "journal.sqlite"), "--extra", extra]  # fmt: skip
    with (folder / "client.err").open("a") as err:
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=err, text=True)


def finish(process, limit_s):
    """What the client printed; {} if it died or took longer than `limit_s`."""
    try:
        out, _ = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return {}
    return json.loads(out.splitlines()[-1]) if process.returncode == 0 and out.strip() else {}


def play(name, peer, o, port):
    """One scenario for one peer: a row of the table."""
    _, options, extra, limit_s = SCENARIOS[name]
    folder = Path(tempfile.mkdtemp(prefix=f"bench-{name}-"))
    n, note = (20_000, "") if name == "m" else (o.n, "")
    prompts = folder / "prompts.jsonl"
    with prompts.open("w") as out:
        subprocess.run([sys.executable, o.simulator, "workload", "--n", str(n)], stdout=out, check=True)
    stage = Stage(o.simulator, options, folder, port)
    others = []
    if name == "w":  # the second half in a process of its own
        rows, second = prompts.read_text().splitlines(keepends=True), folder / "second.jsonl"
        prompts.write_text("".join(rows[: n // 2]))
        second.write_text("".join(rows[n // 2 :]))
        others = [start(peer, stage, folder, second, extra)]
    process = start(peer, stage, folder, prompts, extra)
    if name in "ft":
        while stage.call("stats")["billed"] < n // 2 and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL if name == "f" else signal.SIGTERM)
        process.communicate()
        stage.call("mark", {"label": "again"})
        process = start(peer, stage, folder, prompts, extra)
    if name == "e":
        while not stage.call("stats")["counts"].get("429-quota") and process.poll() is None:
            time.sleep(0.02)
        began = time.monotonic()
        finish(process, limit_s)
        ended = time.monotonic() - began
        note = f"{stage.sent_after_quota()}; ended after {ended:.1f} s, the answers under way being kept"
        stage.call("topup", {})
        process = start(peer, stage, folder, prompts, extra)
    got = finish(process, BOUND_S if peer == "lmeval-default" else limit_s)
    for other in others:
        got["hand"] = got.get("hand", 0) + finish(other, limit_s).get("hand", 0)
    row = {**stage.report(), **got, "scenario": name, "peer": peer, "note": note, "n": n}
    shutil.rmtree(folder, ignore_errors=True)
    return row


def line(row):
    kinds = row.get("kinds", {})
    refused = sum(v for k, v in kinds.items() if k.startswith(("429", "503")) and k != "429-quota")
    hand, answered, note = row.get("hand", 0), row.get("prompts_answered", 0), row["note"]
    ratio = f"{row['ratio']:.2f}" if hand == row["n"] and row["scenario"] not in "eft" else "-"
    if not hand and row["peer"] == "lmeval-default" and answered:
        least = row["ideal_s"] if answered == row["n"] else None
        note += f" stopped after {BOUND_S:.0f} s: {row['n'] / answered * row['wall_s']:.0f} s for all"
        ratio = "-" if least is None else ratio
    if row.get("phases"):
        note += f"; then {row['phases'][0]['requests_after']} requests"
    if row["scenario"] in "ah":
        note += f" {row['wall_s']:.2f} s for the server, {row.get('own_s')} s for the caller"
    if row["scenario"] == "m":
        note += f" {row.get('mb')} MB at most"
    name = SCENARIOS[row["scenario"]][0]
    twice = f"{row.get('billed_excess', 0)} ({row['broken_off']})"
    return (
        f"| {name} | {row['peer']} | {hand} of {row['n']} | {ratio} | {refused} | {twice} | {note.strip()} |"
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    sub = parser.add_subparsers(dest="command")
    c = sub.add_parser("client", help="(one peer; started by this script)")
    for name in ("--peer", "--url", "--prompts", "--journal", "--extra"):
        c.add_argument(name, default="")
    shared = Path(os.environ.get("MATHTASKS_SHARED", ROOT.parent / "shared"))
    parser.add_argument("--simulator", default=str(shared / "tools" / "openai_simulator.py"))
    parser.add_argument("--scenarios", nargs="+", choices=SCENARIOS, default=DEFAULT_SCENARIOS)
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS)
    parser.add_argument("--n", type=int, default=500, help="prompts (default 500)")
    parser.add_argument("--port", type=int, default=8400)
    o = parser.parse_args()
    if o.command == "client":
        return client(o)
    if not Path(o.simulator).exists():
        parser.error(f"no simulator at {o.simulator}; give --simulator")
    print("| scenario | client | answers in hand | wall / least | refusals | paid twice (at least) | |")
    print("|---|---|---|---|---|---|---|")
    lag = 0.0
    for number, (name, peer) in enumerate((s, p) for s in o.scenarios for p in o.peers):
        row = play(name, peer, o, o.port + number)
        lag = max(lag, row["lag_ms"])
        print(line(row), flush=True)
    print(f"\nThe simulator's event loop was late by {lag:.0f} ms at worst.")
    return None


if __name__ == "__main__":
    main()
