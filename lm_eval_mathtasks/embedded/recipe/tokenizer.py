"""The tokenizer: byte-level BPE with single digits, learned from the generator's own text."""

from itertools import islice
from typing import Any

from lm_eval_mathtasks.embedded.recipe.corpus import documents
from lm_eval_mathtasks.embedded.recipe.prompts import BOS, CHAT_TEMPLATE, EOS, PAD, SPECIAL_TOKENS

# Enough for the generator's words to be one token each; larger tables would eat the model's parameters.
VOCABULARY = 768
# Positions the model is built for; an eight-shot prompt of 4,000 unknown characters fits at one token a byte.
MAX_POSITIONS = 4096


def build(seed: int, count: int = 8000) -> Any:
    """Learn the tokenizer from `count` documents; returns a `PreTrainedTokenizerFast`.

    Digits are single tokens, so that arithmetic works on place values; every byte has a token, so that any text
    can be read and decoding gives it back unchanged.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = ("".join(a.prompt + a.response for a in parts) for parts in islice(documents(seed), count))
    bpe.train_from_iterator(texts, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        pad_token=PAD,
        bos_token=BOS,
        eos_token=EOS,
        model_max_length=MAX_POSITIONS,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer
