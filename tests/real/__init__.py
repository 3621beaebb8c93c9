"""The whole service against real nodes: what it records is what the nodes say, to the base unit.

- watching.py: the service on a thread of its own, and the text of its configuration
- book.py: the database, read as a stranger would read it
- expected.py: one transaction as the ledger must hold it, and comparing the two
- utxo_truth.py, ethereum_truth.py: the same, computed from what a node says
- relay.py: a listener between the service and a server, for what is asked on the way
- command.py: the `donations` program as a process
"""
