"""How responses of lm-eval's sglang ended, by a stand-in for its module: the package itself needs a GPU."""

import sys
from types import ModuleType

from lm_eval.models.utils import postprocess_generated_text

from lm_eval_mathtasks.host.finish import endings_told

NAME = "lm_eval.models.sglang_causallms"
OUTPUTS = [
    {"text": "It is", "meta_info": {"finish_reason": {"type": "length", "length": 5}}},
    {"text": "It is 7", "meta_info": {"finish_reason": {"type": "stop", "matched": 9}}},
    {"text": "It is 7\nQ: next", "meta_info": {"finish_reason": {"type": "length", "length": 5}}},
    {"text": "It is 7", "meta_info": {"finish_reason": None}},
    {"text": "It is 7"},
]


def test_sglang_says_itself_how_a_response_ended(monkeypatch):
    module = ModuleType(NAME)
    module.postprocess_generated_text = postprocess_generated_text

    class Model:
        def _model_generate(self, **_):
            return OUTPUTS

        def generate_until(self, _requests):
            made = self._model_generate(requests=[], generate=True)
            return [module.postprocess_generated_text(one["text"], ["Q:"], None) for one in made]

    Model.generate_until.__module__ = NAME
    monkeypatch.setitem(sys.modules, NAME, module)
    model = Model()
    with endings_told(model):
        found = [text.finish_reason for text in model.generate_until([])]
    assert found == ["length", "stop", "stop", None, None]
    assert module.postprocess_generated_text is postprocess_generated_text
    assert "_model_generate" not in vars(model)
