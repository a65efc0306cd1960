"""Our logs, and those of other harnesses, read back with their provenance. Needs neither lm-eval nor a model."""
