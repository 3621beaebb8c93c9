"""Laws of the ledger, each against plain views."""
