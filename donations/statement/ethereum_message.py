"""Messages signed by the key of an Ethereum address: EIP-191, version 0x45 (personal_sign)."""

from __future__ import annotations

import re

from eth_hash.auto import keccak

from donations.chains.eth import checksummed
from donations.statement.recovery import recover, uncompressed

_FORM = re.compile(r"0x([0-9a-fA-F]{128})([0-9a-fA-F]{2})")
# Wallets write 27 and 28, some hardware 0 and 1.
_RECOVERY = {0: 0, 1: 1, 27: 0, 28: 1}
# Half of the order of the curve: EIP-2 refuses an s above it, of which each signature has a twin.
_HALF = 0x7FFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_5D576E73_57A4501D_DFE92F46_681B20A0


def signer(message: bytes, signature: str) -> str:
    """The address, as EIP-55 spells it, whose key signed. Raises ValueError."""
    form = _FORM.fullmatch(signature)
    if form is None:
        raise ValueError("it is not 0x and 130 hexadecimal digits")
    compact, last = bytes.fromhex(form[1]), int(form[2], 16)
    if last not in _RECOVERY or int.from_bytes(compact[32:], "big") > _HALF:
        raise ValueError("it is not a signature of EIP-191")
    digest = keccak(b"\x19Ethereum Signed Message:\n%d" % len(message) + message)
    key = uncompressed(recover(digest, compact, _RECOVERY[last]))
    return checksummed(f"0x{keccak(key[1:])[-20:].hex()}")
