"""The law across the chain: one run, one judgement, whichever command looks.

A run is written by `mathtasks run` and read again by many commands. Each may look at another side of it, none may
contradict another about one and the same response:

- A perfect model scores 1 through every command: the run, `explain` (nothing mis-graded), `compare`, `rescore` (0 docs
  up, 0 down), `report`, `sampling`, `budgets`, and a pack is made of it and verified.
- An empty model, one that is cut off everywhere (by finish reason, or so that only the text shows it), and a mixture of
  every kind of response there is get the same statuses and the same cuts from all of them, doc by doc and response by
  response, and so the same counts.
- Two numbers that differ by meaning have different names. "Cut off" (surely, likely) counts responses that broke off,
  those that had answered before included; "cut off before an answer" is the status of a response that had not. "No
  answer" is a status; what could be gained by mending it is a cause of `explain`, which has a title of its own.
- A response that never came (an API error) is not wrong, it is not there: no score counts it, every command that
  counts responses counts it apart.

`models.py` makes docs, models and the table of what is true of each response; `rooms.py` has one check for each
command, which holds what the command wrote against that table; `test_law.py` runs them on docs of ours and the bundled
samples, for every task there is; `test_law_on_real_sets.py` on the real sets, where they are at hand.
"""

import pytest

pytest.register_assert_rewrite("tests.chain.rooms")
