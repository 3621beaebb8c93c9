"""PURE: the books as files for others: tables, journals of plain-text accounting, a yearly summary.

Every form is a function from lines (`line`) to pieces of text, so that a long history streams. What
counts, and what it was worth, was decided before; nothing is computed here but sums.
"""
