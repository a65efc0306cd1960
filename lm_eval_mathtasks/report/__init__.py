"""A report people want to look at: one self-contained page, or Markdown, CSV and JSON, from the logs of runs."""
