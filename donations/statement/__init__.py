"""The author's signed statement of addresses: its text, and whether its signatures are good.

Nothing here can sign: it reads signatures and compares public keys. `recovery` is the one file
that names the library of keys.
"""
