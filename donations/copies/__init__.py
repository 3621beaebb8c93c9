"""Backup and restore: a whole copy of the database that can be checked, and the way back from it.

A backup is one SQLite file of mode 0600 that holds the fact ``backup``: when it was made, and a
digest of everything else in it. A restore leaves the fact ``restored_at`` (Unix seconds): what had
happened by then may have been told already, and is news to nobody.
"""
