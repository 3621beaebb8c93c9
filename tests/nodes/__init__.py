"""Real nodes on 127.0.0.1 for the tests: installed, started, driven and asked for the truth.

- install.py: brings each program into a cache folder
- process.py: starts and ends programs, free ports, waiting with a deadline
- jsonrpc.py: one call to a node
- wire.py: Bitcoin's bytes, for hand-made transactions and the blocks of a competing miner
- truth.py: what a chain really says about a set of addresses, from its blocks alone
- utxo.py: what a test can do with a Bitcoin-like node
- bitcoin.py: Bitcoin Knots, regtest
- bitcoin_cash.py: bcash, regtest (bcash.cjs runs it)
- electrumx.py: an ElectrumX server beside either of them
- ethereum.py: anvil
- contracts.py: the few contracts the tests deploy, assembled by hand
- traces.py: what an Ethereum transaction did to an address
- fixtures.py: all of them as pytest fixtures, started when first asked for
"""
