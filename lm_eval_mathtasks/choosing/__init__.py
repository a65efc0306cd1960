"""One answer out of several without looking at gold: scores, verifiers, best-of-n, weighted majority."""
