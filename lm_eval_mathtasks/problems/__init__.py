"""The test sets: where they come from, what their reference answers are, and which of these are known to be wrong."""
