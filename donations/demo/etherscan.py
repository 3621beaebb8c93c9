"""Etherscan V2, or a Blockscout with its interface, over a simulated Ethereum chain.

It answers everything with the status 200, as they do: "status" in the body is what counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from donations.demo.http import RestServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from donations.demo.ethereum_block import EthBlock
    from donations.demo.ethereum_chain import EthereumChain
    from donations.demo.ethereum_payment import Executed


class EtherscanServer(RestServer):
    """One explorer; it wants ``key``. ``blockscout``: the other one's names, and no withdrawals.

    ``hidden`` are hashes of transactions that it does not list. ``keys`` are those that it saw.
    """

    def __init__(self, chain: EthereumChain, key: str, *, blockscout: bool = False) -> None:
        super().__init__([("api", r"/.*", self._answer)])
        self.chain, self.key, self.blockscout = chain, key, blockscout
        self.hidden: set[str] = set()
        self.keys: set[str] = set()

    async def __aenter__(self) -> EtherscanServer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _answer(self, query: dict[str, str]) -> dict[str, Any]:
        self.keys.add(query.get("apikey", ""))
        if query.get("apikey") != self.key:
            return _refused("Invalid API Key (#err2)|" + query.get("apikey", ""))
        lists = {
            "txlist": self._called,
            "txlistinternal": self._inside,
            "txsBeaconWithdrawal": self._withdrawn,
        }
        action = query.get("action", "")
        if action not in lists or (self.blockscout and action == "txsBeaconWithdrawal"):
            return _refused("Missing Or invalid Action name")
        first, last = int(query["startblock"]), int(query["endblock"])
        address = query["address"].lower()
        rows = [
            row
            for block in self.chain.best
            if first <= block.number <= last
            for row in lists[action](block, address)
        ]
        start = (int(query["page"]) - 1) * int(query["offset"])
        page = rows[start : start + int(query["offset"])]
        if not page:
            return {"status": "0", "message": "No transactions found", "result": []}
        return {"status": "1", "message": "OK", "result": page}

    def _listed(self, block: EthBlock) -> Iterator[tuple[int, Executed]]:
        for position, done in enumerate(block.executed):
            if done.payment.hash not in self.hidden:
                yield position, done

    def _called(self, block: EthBlock, address: str) -> Iterator[dict[str, str]]:
        for position, done in self._listed(block):
            payment = done.payment
            if address not in (payment.sender, payment.to):
                continue
            yield {
                "blockNumber": str(block.number),
                "blockHash": block.hash,
                "timeStamp": str(block.time),
                "hash": payment.hash,
                "nonce": str(payment.nonce),
                "transactionIndex": str(position),
                "from": payment.sender,
                "to": payment.to or "",
                "value": str(payment.value),
                "gas": str(payment.gas_used),
                "gasPrice": str(done.price),
                "input": "0x",
                "contractAddress": "" if payment.to else done.created,
                "txreceipt_status": "0" if payment.failed else "1",
                "gasUsed": str(payment.gas_used),
                "confirmations": str(self.chain.height - block.number),
                "isError": "1" if payment.failed else "0",
            }

    def _inside(self, block: EthBlock, address: str) -> Iterator[dict[str, str]]:
        for _, done in self._listed(block):
            for index, (source, to, wei) in enumerate(done.payment.moves):
                sender = source or done.payment.to or done.created
                if address not in (sender, to):
                    continue
                name = "transactionHash" if self.blockscout else "hash"
                row = {
                    "blockNumber": str(block.number),
                    "timeStamp": str(block.time),
                    name: done.payment.hash,
                    "from": sender,
                    "to": to,
                    "value": str(wei),
                    "contractAddress": "",
                    "input": "",
                    "type": "call",
                    "gas": "2300",
                    "gasUsed": "0",
                    "traceId": f"0_{index}",
                    "isError": "1" if done.payment.failed else "0",
                    "errCode": "",
                }
                yield row
                # The same value again, seen from the code that was called: no payment.
                yield row | {"type": "delegatecall", "traceId": f"0_{index}_0"}

    def _withdrawn(self, block: EthBlock, address: str) -> Iterator[dict[str, str]]:
        for each in block.withdrawals:
            if each.address == address:
                yield {
                    "withdrawalIndex": str(each.index),
                    "validatorIndex": str(each.validator),
                    "address": address,
                    "amount": str(each.gwei),
                    "blockNumber": str(block.number),
                    "timestamp": str(block.time),
                }


def _refused(reason: str) -> dict[str, Any]:
    return {"status": "0", "message": "NOTOK", "result": reason}
