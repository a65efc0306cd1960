"""A model that answers what a test tells it to: the seam to lm-eval, without patching anything."""

from lm_eval.api.model import LM
from lm_eval.evaluator import simple_evaluate
from lm_eval.tasks import TaskManager

from lm_eval_mathtasks.package import data_folder


class Scripted(LM):
    """Answers each request with `answer(doc)`; remembers the requests as `asked`."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer
        self.asked = []

    def generate_until(self, requests, disable_tqdm=False):
        self.asked += requests
        return [self.answer(request.doc) for request in requests]

    def loglikelihood(self, requests, disable_tqdm=False):
        raise AssertionError("no task of ours asks for likelihoods")

    loglikelihood_rolling = loglikelihood


def manager(metadata=None, folders=()):
    """A TaskManager over our tasks alone: lm-eval's own take seconds to read."""
    return TaskManager(
        include_path=[data_folder("tasks"), *folders], include_defaults=False, metadata=metadata or {}
    )


def evaluate(task, answer, *, limit=None, metadata=None, folders=(), **named):
    """Run one task on a scripted model; return (scores without the filter's name, samples, model)."""
    model = Scripted(answer)
    results = simple_evaluate(
        model=model,
        tasks=[task],
        task_manager=manager(metadata, folders),
        limit=limit,
        bootstrap_iters=0,
        **named,
    )
    scores = {key.removesuffix(",none"): value for key, value in results["results"][task].items()}
    return scores, results["samples"][task], model
