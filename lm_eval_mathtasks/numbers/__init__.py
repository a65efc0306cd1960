"""Intervals, tests and estimators; this room knows no log."""
