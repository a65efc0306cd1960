"""Train a small model of our own: from a messy corpus to a model reinforced by our grader.

`python -m lm_eval_mathtasks.embedded.recipe --stage all --seed 0 --out DIR` makes the model in `embedded/`.
"""
