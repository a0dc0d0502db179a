"""Intervals and comparisons on whole columns at once; nothing here knows a team, a period or a metric."""
