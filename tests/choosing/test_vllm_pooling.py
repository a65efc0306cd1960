"""Tiny verifiers behind a real vLLM server, started as choosing/README.md says: the scores of the same files here."""

import json
import os

import pytest

pytestmark = pytest.mark.vllm
pytest.importorskip("vllm", reason="needs vLLM: make test-vllm")

from lm_eval_mathtasks.choosing.scorer import Settings  # noqa: E402
from lm_eval_mathtasks.choosing.scorers import make_scorer  # noqa: E402
from tests.choosing import tiny_verifiers  # noqa: E402
from tests.host.test_vllm import VLLM  # noqa: E402
from tests.serving import vllm_serve  # noqa: E402

QUESTION = "What is 3 + 4?"
RESPONSES = ["Add 3 and 4.\n\nThat is 7.\nSo\n\n\\boxed{7}", "7", "", "It is 8.\n\n\n8"]
STEP, CLASSIFY = {"task": "token_classify", "tok_pooling_type": "STEP"}, {"method": "no_post_processing"}


def flags(kind, tokenizer):
    """What the server must be told beside `--runner pooling`; the tokens are those of the tiny vocabulary."""
    if kind == "orm":
        return []
    tag = {"prm-qwen": "<extra_0>", "prm-math-shepherd": "ки"}[kind]
    pooler = json.dumps({**STEP, "step_tag_id": tokenizer.convert_tokens_to_ids(tag)})
    if kind == "prm-qwen":
        return ["--pooler-config", pooler]
    overrides = json.dumps({**CLASSIFY, "classifier_from_token": ["+", "-"]})
    return ["--convert", "classify", "--hf-overrides", overrides, "--pooler-config", pooler]


@pytest.mark.parametrize("kind", ["orm", "prm-qwen", "prm-math-shepherd"])
def test_the_server_gives_the_scores_of_the_local_model(tmp_path, kind):
    folder = tiny_verifiers.save(tmp_path / kind, kind)
    local = make_scorer(f"{kind}:{folder}")
    more = ("--runner", "pooling", *flags(kind, local.tokenizer))
    with vllm_serve(folder, "verifier", tmp_path, {**os.environ, **VLLM}, *more) as address:
        found = make_scorer(f"{kind}:{address}", Settings(model="verifier")).score(QUESTION, RESPONSES)
    for theirs, ours in zip(found, local.score(QUESTION, RESPONSES), strict=True):
        assert theirs == pytest.approx(ours, abs=1e-4)
