"""The journal of an API model: what was asked, answered and paid, in one SQLite file."""
