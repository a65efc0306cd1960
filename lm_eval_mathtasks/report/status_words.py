"""What can become of a response, in the order of a report's figures, and the words for it."""

from lm_eval_mathtasks.grading.verdict import STATUS_WORDS as VERDICT_WORDS
from lm_eval_mathtasks.runs.records import API_ERROR

# By the name of the status; a response that never came has no verdict.
STATUS_WORDS = {**{str(status): words for status, words in VERDICT_WORDS.items()}, API_ERROR: "no response"}
STATUSES = tuple(STATUS_WORDS)
NEVER_CAME = "an API error: there is no response"
