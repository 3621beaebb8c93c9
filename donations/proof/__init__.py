"""PURE: facts that follow from bytes alone, whoever sent them."""
