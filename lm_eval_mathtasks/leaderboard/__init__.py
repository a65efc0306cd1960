"""What others claim, and whether a run of ours reproduces it."""
