"""`python -m lm_eval_mathtasks` is the command `mathtasks`."""

import sys

from lm_eval_mathtasks.cli import main

sys.exit(main())
