"""Logs that say that something moved: of tokens (EIP-20), and of ether itself (EIP-7708).

Where a chain has the latter, each movement of ether leaves one in the receipt of its transaction,
also a movement inside a call: so it is known which transaction paid from inside. Fees, and what
validators get, leave none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eth_hash.auto import keccak

if TYPE_CHECKING:
    from donations.proof.ethereum_transaction import Receipt, ReceiptLog

TRANSFER = keccak(b"Transfer(address,address,uint256)")
# From here come the logs of ether; no contract can have this address.
SYSTEM_ADDRESS = "0xfffffffffffffffffffffffffffffffffffffffe"


def transfer_of(log: ReceiptLog) -> tuple[str, str, int] | None:
    """(from, to, base units) of a Transfer log, None for any other."""
    if len(log.topics) != 3 or log.topics[0] != TRANSFER or len(log.data) != 32:
        return None
    if any(topic[:12] != bytes(12) for topic in log.topics[1:]):
        return None
    source, to = ("0x" + topic[12:].hex() for topic in log.topics[1:])
    return source, to, int.from_bytes(log.data, "big")


def ether_moved(receipt: Receipt, address: str) -> int:
    """What the logs of ether in a receipt brought to an address (lower case), less what left it."""
    moved = 0
    for log in receipt.logs:
        transfer = transfer_of(log) if log.address == SYSTEM_ADDRESS else None
        if transfer is not None:
            source, to, wei = transfer
            moved += wei * ((to == address) - (source == address))
    return moved
