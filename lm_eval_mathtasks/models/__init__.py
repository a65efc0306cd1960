"""Ask: our lm-eval models. A model never sees gold, so nothing here may import the grading."""

# name on the command line -> import path; the same table stands in pyproject.toml's entry points.
MODELS = {
    "replay": "lm_eval_mathtasks.models.replay:Replay",
    "mathtasks-chat": "lm_eval_mathtasks.models.chat_api:MathtasksChat",
    "mathtasks-completions": "lm_eval_mathtasks.models.chat_api:MathtasksCompletions",
}


def register() -> None:
    """Make our models known to lm-eval under their names; calling it twice is harmless.

    lm-eval's own models are imported first: it looks for them only while its registry is empty.
    """
    import lm_eval.models  # noqa: F401  (fills the registry)
    from lm_eval.api.registry import model_registry

    for name, target in MODELS.items():
        if name not in model_registry:
            model_registry.register(name, target=target)
