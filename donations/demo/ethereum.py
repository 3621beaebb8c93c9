"""An Ethereum JSON-RPC endpoint over a simulated chain (execution-apis; errors like geth's)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eth_utils.crypto import keccak

from donations.demo.ethereum_payment import NO_ACCOUNT, octets, transaction_form, word
from donations.demo.ethereum_trie import EMPTY_ROOT, proof
from donations.demo.ethereum_view import INVALID_PARAMS, SERVER_ERROR, EthereumView
from donations.demo.http import CallError, JsonRpcServer

if TYPE_CHECKING:
    from aiohttp import web

    from donations.demo.ethereum_block import EthBlock
    from donations.demo.ethereum_chain import EthereumChain

_NO_METHOD = -32601
_BALANCE_OF = "0x70a08231"


class EthereumServer(JsonRpcServer):
    """One operator's endpoint. ``chain_id`` may be a lie; ``missing`` are methods it lacks."""

    def __init__(self, chain: EthereumChain) -> None:
        super().__init__(self._dispatch)
        self.chain = chain
        self.view = EthereumView(chain)
        self.chain_id: int | None = None
        self.missing: set[str] = set()

    async def __aenter__(self) -> EthereumServer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.view.next_turn()
        return await super()._serve(request)

    def _dispatch(self, method: str, params: list[Any]) -> Any:
        handler = METHODS.get(method)
        if handler is None or method in self.missing:
            message = f"the method {method} does not exist/is not available"
            raise CallError(_NO_METHOD, message)
        wanted, handle = handler
        if len(params) < wanted:
            raise CallError(INVALID_PARAMS, f"missing value for required argument {len(params)}")
        return handle(self, params)

    def _network(self) -> int:
        return self.chain.chain_id if self.chain_id is None else self.chain_id

    def _block(self, params: list[Any]) -> dict[str, Any] | None:
        block = self.view.find(params[0])
        return None if block is None else block.listed(full=bool(params[1]))

    def _state(self, params: list[Any], position: int = 1) -> EthBlock:
        return self.view.state(params[position] if len(params) > position else "latest")

    def _balance(self, params: list[Any]) -> str:
        return hex(self.chain.account(_address(params[0]), self._state(params)).balance)

    def _nonce(self, params: list[Any]) -> str:
        return hex(self.chain.account(_address(params[0]), self._state(params)).nonce)

    def _code(self, params: list[Any]) -> str:
        return octets(self.chain.account(_address(params[0]), self._state(params)).code)

    def _proof(self, params: list[Any]) -> dict[str, Any]:
        """EIP-1186. No contract of this world stores anything."""
        address, block = _address(params[0]), self._state(params, 2)
        account = self.chain.account(address, block)
        path = keccak(bytes.fromhex(address[2:])).hex()
        slots = [{"key": slot, "value": "0x0", "proof": []} for slot in params[1]]
        return {
            "address": address,
            "balance": hex(account.balance),
            "nonce": hex(account.nonce),
            "codeHash": octets(keccak(account.code)) if account != NO_ACCOUNT else word(0),
            "storageHash": octets(EMPTY_ROOT),
            "accountProof": [octets(node) for node in proof(block.state, path)],
            "storageProof": slots,
        }

    def _transaction(self, params: list[Any]) -> dict[str, Any] | None:
        where = self.view.location(params[0])
        if where is not None:
            return where[0].transaction(where[1])
        payment = self.chain.pending.get(params[0])
        if payment is None or params[0] in self.view.hidden:
            return None
        return transaction_form(payment)

    def _receipt(self, params: list[Any]) -> dict[str, Any] | None:
        where = self.view.location(params[0])
        return None if where is None else where[0].receipt(where[1])

    def _receipts(self, params: list[Any]) -> list[dict[str, Any]] | None:
        block = self.view.find(params[0])
        if block is None:
            return None
        return [block.receipt(position) for position in range(len(block.executed))]

    def _logs(self, params: list[Any]) -> list[dict[str, Any]]:
        wanted = params[0]
        if "blockHash" in wanted:
            block = self.view.find(wanted["blockHash"])
            if block is None:
                raise CallError(SERVER_ERROR, "unknown block")
            blocks = [block]
        else:
            blocks = self._range(wanted)
        addresses = wanted.get("address") or []
        contracts = {each.lower() for each in _listed(addresses)}
        topics = [
            None if each is None else {topic.lower() for topic in _listed(each)}
            for each in wanted.get("topics") or []
        ]
        return [
            log
            for block in blocks
            for position, done in enumerate(block.executed)
            if done.logs and done.payment.hash not in self.view.hidden
            for log in block.logs(position)
            if (not contracts or log["address"] in contracts) and _fits(log["topics"], topics)
        ]

    def _range(self, wanted: dict[str, Any]) -> list[EthBlock]:
        tip = self.view.tip
        first = self.view.find(wanted.get("fromBlock", "latest"))
        last = self.view.find(wanted.get("toBlock", "latest")) or tip
        if first is None:
            raise CallError(SERVER_ERROR, "block range extends beyond current head block")
        if first.number > last.number:
            raise CallError(INVALID_PARAMS, "invalid block range params")
        limit = self.view.logs_range
        if limit is not None and last.number - first.number >= limit:
            raise CallError(-32005, f"query exceeds the limit of {limit} blocks")
        return [self.view.at(tip, number) for number in range(first.number, last.number + 1)]

    def _call(self, params: list[Any]) -> str:
        data = params[0].get("data") or params[0].get("input") or "0x"
        block = self._state(params)
        if not data.startswith(_BALANCE_OF) or len(data) != 74:
            raise CallError(3, "execution reverted")
        amount = self.chain.token_balance(params[0]["to"], "0x" + data[-40:], block)
        return f"0x{amount:064x}"


def _address(text: Any) -> str:
    if not isinstance(text, str) or len(text) != 42:
        raise CallError(INVALID_PARAMS, "invalid argument 0: address")
    return text.lower()


def _listed(one_or_many: Any) -> list[str]:
    return [one_or_many] if isinstance(one_or_many, str) else list(one_or_many)


def _fits(topics: list[str], wanted: list[set[str] | None]) -> bool:
    if len(topics) < len(wanted):
        return False
    return all(each is None or topic in each for topic, each in zip(topics, wanted, strict=False))


# Method -> (how many arguments it needs, what answers it).
METHODS: dict[str, Any] = {
    "eth_chainId": (0, lambda self, _: hex(self._network())),
    "net_version": (0, lambda self, _: str(self._network())),
    "web3_clientVersion": (0, lambda self, _: "Geth/v1.16.4-world"),
    "eth_syncing": (0, lambda self, _: False),
    "eth_blockNumber": (0, lambda self, _: hex(self.view.tip.number)),
    "eth_getBlockByNumber": (2, EthereumServer._block),
    "eth_getBlockByHash": (2, EthereumServer._block),
    "eth_getBalance": (1, EthereumServer._balance),
    "eth_getTransactionCount": (1, EthereumServer._nonce),
    "eth_getCode": (1, EthereumServer._code),
    "eth_getProof": (3, EthereumServer._proof),
    "eth_getTransactionByHash": (1, EthereumServer._transaction),
    "eth_getTransactionReceipt": (1, EthereumServer._receipt),
    "eth_getBlockReceipts": (1, EthereumServer._receipts),
    "eth_getLogs": (1, EthereumServer._logs),
    "eth_call": (1, EthereumServer._call),
    "eth_gasPrice": (0, lambda self, _: hex(self.chain.base_fee)),
}
