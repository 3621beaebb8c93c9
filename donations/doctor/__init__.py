"""``donations doctor``: is everything in order, what does it mean if not, and what to do.

It only reads, also while a service runs, and asks nobody but that service.
"""
