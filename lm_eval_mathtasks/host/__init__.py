"""The host: everything that `mathtasks run` makes lm-eval do differently, and nothing else."""
