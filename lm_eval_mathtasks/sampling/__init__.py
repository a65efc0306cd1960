"""Several responses a doc: what their verdicts and votes say (avg@k, pass@k, maj@k, ...)."""
