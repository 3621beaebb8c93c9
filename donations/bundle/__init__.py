"""Proof bundles: what a stranger needs to check a gift without us, without a network, in one file.

Written by `form.write`, read by `form.read`, checked by `verify`. PURE: bytes and facts.
"""
