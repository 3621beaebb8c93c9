"""What an Electrum server answers, method by method (protocol 1.4 to 1.6).

Texts and codes follow ElectrumX; ``fulcrum`` adds what Fulcrum does differently, above all that a
history that is too long comes back empty instead of as an error.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from donations.demo.electrum_lies import ProofLie, bent, unpaid
from donations.demo.electrum_words import (
    BAD_REQUEST,
    DAEMON_ERROR,
    FULCRUM_METHODS,
    METHODS,
    RpcError,
    Session,
    Version,
    checked_scripthash,
    checked_txid,
    parse_version,
    status,
    whole,
)
from donations.demo.transaction import merkle_branch

if TYPE_CHECKING:
    from donations.demo.block import Block
    from donations.demo.view import HistoryRow, UtxoView


@dataclass
class ElectrumAnswers:
    """The answers of one server over its view.

    ``genesis`` is a lie about the network, ``proof_lie`` one about proofs.
    """

    view: UtxoView
    protocol: tuple[str, str] = ("1.4", "1.6")
    fulcrum: bool = False
    history_limit: int = 125_000
    genesis: str | None = None
    proof_lie: ProofLie | None = None
    ports: dict[str, int] = field(default_factory=dict)

    @property
    def software(self) -> str:
        """The name the server gives itself."""
        return "Fulcrum 2.1.1" if self.fulcrum else "ElectrumX 1.19.0"

    def call(self, session: Session, method: str, params: list[Any]) -> Any:
        """The result of one call. Raises RpcError."""
        known = method in METHODS or (self.fulcrum and method in FULCRUM_METHODS)
        if session.version is None and method != "server.version":
            if parse_version(self.protocol[0]) >= (1, 6):
                raise RpcError(BAD_REQUEST, "use server.version to identify client", fatal=True)
            session.version = parse_version(self.protocol[0])
        if not known:
            raise RpcError(-32601, f'unknown method "{method}"')
        handler = getattr(self, "_" + method.replace("blockchain.", "").replace(".", "_"))
        try:
            inspect.signature(handler).bind(session, *params)
        except TypeError as error:
            raise RpcError(-32602, f'invalid arguments to "{method}": {error}') from error
        return handler(session, *params)

    def status(self, name: str, version: Version | None) -> str | None:
        """The status that subscribers of a scripthash are told."""
        rows = self._rows(name, version)
        return None if rows is None or len(rows) > self.history_limit else status(rows)

    # -- server -------------------------------------------------------------------------------

    def _server_version(
        self, session: Session, client: str = "", wanted: str | list[str] = "1.4"
    ) -> list[str]:
        if session.version is not None:
            raise RpcError(BAD_REQUEST, "server.version already sent")
        least, most = (wanted, wanted) if isinstance(wanted, str) else wanted
        agreed = min(parse_version(most), parse_version(self.protocol[1]))
        if agreed < max(parse_version(least), parse_version(self.protocol[0])):
            raise RpcError(BAD_REQUEST, f"unsupported protocol version: {wanted}", fatal=True)
        session.version = agreed
        return [self.software, ".".join(map(str, agreed))]

    def _server_ping(self, session: Session) -> None:
        return None

    def _server_banner(self, session: Session) -> str:
        return "A simulated world"

    def _server_donation_address(self, session: Session) -> str:
        return ""

    def _server_peers_subscribe(self, session: Session) -> list[Any]:
        return []

    def _server_features(self, session: Session) -> dict[str, Any]:
        genesis = self._block(0).hash if self.genesis is None else self.genesis
        features: dict[str, Any] = {
            "genesis_hash": genesis,
            "hosts": {"127.0.0.1": dict(self.ports)},
            "protocol_min": self.protocol[0],
            "protocol_max": self.protocol[1],
            "server_version": self.software,
            "hash_function": "sha256",
            "pruning": None,
        }
        return features | ({"dsproof": False, "cashtokens": True} if self.fulcrum else {})

    def _estimatefee(self, session: Session, blocks: int, mode: str = "") -> float:
        return 0.00001

    def _relayfee(self, session: Session) -> float:
        if session.version is not None and session.version >= (1, 6):
            raise RpcError(-32601, 'unknown method "blockchain.relayfee"')
        return 0.00001

    def _mempool_get_fee_histogram(self, session: Session) -> list[Any]:
        return []

    # -- headers ------------------------------------------------------------------------------

    def tip(self) -> dict[str, Any]:
        """The best block as headers subscribers are told."""
        return {"hex": self.view.tip.header.hex(), "height": self.view.tip.height}

    def _headers_subscribe(self, session: Session) -> dict[str, Any]:
        session.headers = True
        return self.tip()

    def _headers_unsubscribe(self, session: Session) -> bool:
        was, session.headers = session.headers, False
        return was

    def _headers_get_tip(self, session: Session) -> dict[str, Any]:
        return self.tip()

    def _block_header(self, session: Session, height: int, cp_height: int = 0) -> Any:
        header = self._block(height).header.hex()
        return {"header": header, **self._proof(height, cp_height)} if cp_height else header

    def _block_headers(
        self, session: Session, start: int, count: int, cp_height: int = 0
    ) -> dict[str, Any]:
        whole(start), whole(count)
        found = []
        for height in range(start, start + min(count, 2016)):
            block = self.view.block(height)
            if block is None:
                break
            found.append(block.header.hex())
        if found and self.proof_lie is ProofLie.UNPAID:
            found[-1] = unpaid(bytes.fromhex(found[-1])).hex()
        answer: dict[str, Any] = {"count": len(found), "max": 2016}
        if session.version is not None and session.version >= (1, 6):
            answer["headers"] = found
        else:
            answer["hex"] = "".join(found)
        if found and cp_height:
            answer |= self._proof(start + len(found) - 1, cp_height)
        return answer

    def _proof(self, height: int, cp_height: int) -> dict[str, Any]:
        if not height <= cp_height <= self.view.height:
            raise RpcError(
                BAD_REQUEST,
                f"require header height {height:,d} <= cp_height {cp_height:,d} "
                f"<= chain height {self.view.height:,d}",
            )
        leaves = [bytes.fromhex(self._block(each).hash)[::-1] for each in range(cp_height + 1)]
        branch, root = merkle_branch(leaves, height)
        return {"branch": [each[::-1].hex() for each in branch], "root": root[::-1].hex()}

    # -- scripthashes -------------------------------------------------------------------------

    def _scripthash_subscribe(self, session: Session, name: str) -> str | None:
        session.subscribed[checked_scripthash(name)] = found = self.status(name, session.version)
        return found

    def _scripthash_unsubscribe(self, session: Session, name: str) -> bool:
        return session.subscribed.pop(checked_scripthash(name), self) is not self

    def _scripthash_get_status(self, session: Session, name: str) -> str | None:
        return self.status(checked_scripthash(name), session.version)

    def _scripthash_get_history(
        self, session: Session, name: str, least: int = 0, below: int = -1
    ) -> list[dict[str, Any]]:
        rows = self._rows(checked_scripthash(name), session.version)
        if len(rows) > self.history_limit:
            if self.fulcrum:
                return []
            raise RpcError(10001 if self._modern(session) else BAD_REQUEST, "history too large")
        return [
            row.listed()
            for row in rows
            if (row.height >= least and (below == -1 or row.height < below))
            or (row.height <= 0 and below == -1)
        ]

    def _scripthash_get_mempool(self, session: Session, name: str) -> list[dict[str, Any]]:
        rows = self._rows(checked_scripthash(name), session.version)
        return [row.listed() for row in rows if row.height <= 0]

    def _scripthash_get_balance(
        self, session: Session, name: str, token_filter: str = ""
    ) -> dict[str, int]:
        confirmed, unconfirmed = self.view.balance(checked_scripthash(name))
        return {"confirmed": confirmed, "unconfirmed": unconfirmed}

    def _scripthash_listunspent(
        self, session: Session, name: str, token_filter: str = ""
    ) -> list[dict[str, Any]]:
        return [
            {"tx_hash": outpoint.txid, "tx_pos": outpoint.vout, "height": height}
            | {"value": output.value}
            for outpoint, output, height in self.view.unspent(checked_scripthash(name))
        ]

    def _rows(self, name: str, version: Version | None) -> list[HistoryRow]:
        pending = self.view.unconfirmed(name)
        if version is not None and version >= (1, 6):
            # Only 1.6 fixes the order in the mempool; before it is the server's own.
            pending.sort(key=lambda row: (-row.height, row.txid))
        return [*self.view.confirmed(name), *pending]

    # -- transactions -------------------------------------------------------------------------

    def _transaction_get(self, session: Session, txid: str, verbose: bool = False) -> str:
        transaction = self.view.transaction(checked_txid(txid))
        if transaction is None:
            reason = "No such mempool or blockchain transaction. Use gettransaction for wallet"
            raise RpcError(
                DAEMON_ERROR,
                f"daemon error: DaemonError({{'code': -5, 'message': '{reason} transactions.'}})",
            )
        if verbose:
            raise RpcError(BAD_REQUEST, "verbose transactions are not supported")
        return transaction.raw.hex()

    def _transaction_get_merkle(
        self, session: Session, txid: str, height: int | None = None
    ) -> dict[str, Any]:
        where = self.view.location(checked_txid(txid))
        told = where[0] + (self.proof_lie is ProofLie.MOVED) if where is not None else None
        if where is None or (height != told and not (height is None and self.fulcrum)):
            if height is not None:
                self._block(height)
            raise RpcError(BAD_REQUEST, f"tx {txid} not in block at height {height}")
        branch, _ = merkle_branch(self._block(where[0]).leaves, where[1])
        honest = [each[::-1].hex() for each in branch]
        merkle, position = bent(self.proof_lie, honest, where[1], self._block(where[0] - 1))
        return {"block_height": told, "merkle": merkle, "pos": position}

    def _transaction_id_from_pos(
        self, session: Session, height: int, position: int, merkle: bool = False
    ) -> Any:
        lying = self.proof_lie in (ProofLie.COINBASE, ProofLie.MOVED) and position == 0
        block = self._block(height - 1 if lying else height)
        if not 0 <= whole(position) < len(block.transactions):
            raise RpcError(BAD_REQUEST, f"no tx at position {position} in block at {height}")
        txid = block.transactions[position].txid
        if not merkle:
            return txid
        branch, _ = merkle_branch(block.leaves, position)
        return {"tx_hash": txid, "merkle": [each[::-1].hex() for each in branch]}

    def _transaction_get_height(self, session: Session, txid: str) -> int | None:
        where = self.view.location(checked_txid(txid))
        if where is not None:
            return where[0]
        return 0 if self.view.pending(txid) else None

    def _block(self, height: int) -> Block:
        block = self.view.block(whole(height))
        if block is None:
            raise RpcError(BAD_REQUEST, f"height {height:,d} out of range")
        return block

    def _modern(self, session: Session) -> bool:
        return session.version is not None and session.version >= (1, 6)
