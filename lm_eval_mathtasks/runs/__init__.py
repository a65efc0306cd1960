"""Runs read back from logs: one reader a harness, and what a log says of model, prompt, docs and verdicts."""
