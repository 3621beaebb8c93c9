"""A small simulated world that speaks the real protocols on loopback.

    world.World          three chains and a few operators' servers over each
    utxo.UtxoChain       BTC or BCH: pay, spend, replace, mine, reorg
    ethereum_chain       the same for ETH: payments, contracts, tokens, withdrawals
    electrum, ethereum   the servers; what one knows is its ``view``, the weather its ``fault``
    faults               bad weather, as data
    oracle               the truth about watched places, read off the blocks
    story                gifts and accidents for the demo, post.html the page they happen on

    async with World(seed=1, operators=2) as world:
        txid = world.btc.pay(script, 15_000)
        world.btc_servers[0].view.hidden.add(txid)
        world.eth_servers[1].fault = http_status(429, retry_after=7, times=1)
        ...  # observe world.urls("btc")
        world.btc.mine()
        assert received(utxo_facts(world.btc, [script]), script.hex(), world.btc.height) == 15_000

The chains change only when they are told to, at once, in the thread of the event loop.
"""
