"""A real lm-eval run in a folder: a scripted model on two tasks, all logs written by lm-eval itself."""

import itertools
import re
import textwrap

UTILS = """
import datasets

def load(**kwargs):
    rows = [{"question": f"What is {i}+{i}?", "answer": f"{i}+{i}={2 * i}\\n#### {2 * i}"} for i in range(6)]
    return {"test": datasets.Dataset.from_list(rows)}

def score(doc, results):
    gold = doc["answer"].split("#### ")[-1]
    right = [float(text.strip().endswith(gold)) for text in results[0]]
    return {"exact_match": sum(right) / len(right)}
"""
COMMON = """
custom_dataset: !function load_and_score.load
test_split: test
output_type: generate_until
doc_to_text: "Q: {{question}}\\nA:"
doc_to_target: "{{answer}}"
"""
TWO_FILTERS = """
task: two-filters
generation_kwargs: {until: ["Q:"], do_sample: false, max_gen_toks: 64}
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true, regexes_to_ignore: ["(?s).*#### "]}]
filter_list:
  - {name: strict-match, filter: [{function: regex, regex_pattern: "#### (\\\\d+)"}, {function: take_first}]}
  - name: flexible-extract
    filter: [{function: regex, group_select: -1, regex_pattern: "(\\\\d+)"}, {function: take_first}]
metadata: {version: 3.0}
"""
THREE_REPEATS = """
task: three-repeats
repeats: 3
process_results: !function load_and_score.score
generation_kwargs: {until: ["Q:"], do_sample: true, temperature: 0.6, max_gen_toks: 64}
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
filter_list: [{name: all, filter: [{function: take_first_k, k: 3}]}]
metadata: {version: 1.0}
"""


def run_lm_eval(folder):
    """Run both tasks and leave lm-eval's logs in folder/out."""
    from lm_eval import simple_evaluate
    from lm_eval.api.model import LM
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    class Scripted(LM):
        """Answers right, every third time in a format that a strict pattern misses."""

        def __init__(self):
            super().__init__()
            self.calls = itertools.count()

        def generate_until(self, requests, **_):
            doubles = [2 * int(re.findall(r"(\d+)\+", r.args[0])[-1]) for r in requests]
            return [f" so it is {'' if next(self.calls) % 3 == 0 else '#### '}{n}" for n in doubles]

        loglikelihood = loglikelihood_rolling = None

    (folder / "load_and_score.py").write_text(textwrap.dedent(UTILS))
    for name, text in (("two", TWO_FILTERS), ("three", THREE_REPEATS)):
        (folder / f"{name}.yaml").write_text(COMMON + text)
    tracker = EvaluationTracker(output_path=str(folder / "out"))
    results = simple_evaluate(
        model=Scripted(),
        tasks=["two-filters", "three-repeats"],
        task_manager=TaskManager(include_path=str(folder), include_defaults=False),
        evaluation_tracker=tracker,
        log_samples=True,
    )
    samples = results.pop("samples")
    tracker.save_results_aggregated(results=results, samples=samples)
    for name, lines in samples.items():
        tracker.save_results_samples(task_name=name, samples=lines)
