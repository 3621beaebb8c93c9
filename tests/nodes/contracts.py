"""The contracts the tests deploy, assembled by hand: no compiler is needed and every byte is known.

Opcodes: Ethereum Yellow Paper, appendix H. The token follows ERC-20 as far as a watcher can see.
"""

from __future__ import annotations

# keccak256("Transfer(address,address,uint256)"), the event of ERC-20.
TRANSFER_TOPIC = "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
TRANSFER = "a9059cbb"  # transfer(address,uint256)
BALANCE_OF = "70a08231"  # balanceOf(address)
DECIMALS = "313ce567"  # decimals()
TOKEN_DECIMALS = 6
TOKEN_SUPPLY = 10**30

OPCODES = {
    "STOP": 0x00, "ADD": 0x01, "SUB": 0x03, "LT": 0x10, "GT": 0x11, "EQ": 0x14, "ISZERO": 0x15,
    "SHR": 0x1C, "CALLER": 0x33, "CALLDATALOAD": 0x35, "CALLDATASIZE": 0x36, "CODECOPY": 0x39,
    "MSTORE": 0x52, "SLOAD": 0x54, "SSTORE": 0x55, "JUMP": 0x56, "JUMPI": 0x57, "GAS": 0x5A,
    "JUMPDEST": 0x5B, "DUP1": 0x80, "DUP2": 0x81, "DUP3": 0x82, "DUP5": 0x84, "DUP6": 0x85,
    "SWAP1": 0x90, "LOG3": 0xA3, "CALL": 0xF1, "RETURN": 0xF3, "REVERT": 0xFD,
    "SELFDESTRUCT": 0xFF,
}  # fmt: skip

# Pays each (address, amount) of the call data: one transfer inside the call for each pair of words.
# It fails as a whole when one of them fails.
SPLITTER = """
    0
next:
    DUP1 CALLDATASIZE GT ISZERO @done JUMPI
    0 0 0 0
    DUP5 32 ADD CALLDATALOAD
    DUP6 CALLDATALOAD
    GAS CALL
    ISZERO @fail JUMPI
    64 ADD @next JUMP
done:
    STOP
fail:
    0 0 REVERT
"""

# A token whose balances are stored under the holder's own address. A transfer may be followed by
# further (address, amount) pairs, each of which moves tokens and logs an event of its own.
TOKEN = f"""
    0 CALLDATALOAD 0xe0 SHR
    DUP1 0x{BALANCE_OF} EQ @balance JUMPI
    DUP1 0x{TRANSFER} EQ @transfer JUMPI
    DUP1 0x{DECIMALS} EQ @decimals JUMPI
fail:
    0 0 REVERT
balance:
    4 CALLDATALOAD SLOAD 0 MSTORE 32 0 RETURN
decimals:
    {TOKEN_DECIMALS} 0 MSTORE 32 0 RETURN
transfer:
    4
next:
    DUP1 CALLDATASIZE GT ISZERO @done JUMPI
    DUP1 32 ADD CALLDATALOAD
    DUP1 CALLER SLOAD LT @fail JUMPI
    DUP1 CALLER SLOAD SUB CALLER SSTORE
    DUP2 CALLDATALOAD
    DUP1 SLOAD DUP3 ADD DUP2 SSTORE
    SWAP1 0 MSTORE
    CALLER 0x{TRANSFER_TOPIC} 32 0 LOG3
    64 ADD @next JUMP
done:
    1 0 MSTORE 32 0 RETURN
"""
TOKEN_SETUP = f"{TOKEN_SUPPLY} CALLER SSTORE"


def assemble(source: str) -> bytes:
    """Bytecode of a listing of opcodes, numbers (pushed), ``label:`` and ``@label`` (pushed)."""
    code = bytearray()
    labels: dict[str, int] = {}
    wanted: list[tuple[int, str]] = []
    for word in source.split():
        if word.endswith(":"):
            labels[word[:-1]] = len(code)
            code.append(OPCODES["JUMPDEST"])
        elif word.startswith("@"):
            wanted.append((len(code) + 1, word[1:]))
            code += b"\x61\x00\x00"
        elif word[0].isdigit():
            code += _push(int(word, 0))
        else:
            code.append(OPCODES[word])
    for place, label in wanted:
        code[place : place + 2] = labels[label].to_bytes(2, "big")
    return bytes(code)


def creation(runtime: bytes, setup: str = "") -> str:
    """The call data, as 0x-hex, of a transaction that runs ``setup`` and deploys ``runtime``."""
    before = assemble(setup)
    # PUSH2 size, DUP1, PUSH2 offset, PUSH1 0, CODECOPY, PUSH1 0, RETURN
    size = len(runtime).to_bytes(2, "big")
    offset = (len(before) + 13).to_bytes(2, "big")
    copy = b"\x61" + size + b"\x80\x61" + offset + b"\x60\x00\x39\x60\x00\xf3"
    return "0x" + (before + copy + runtime).hex()


def pairs(payments: list[tuple[str, int]]) -> str:
    """(address, amount) pairs as the words of call data, in hex without 0x."""
    return "".join(word(address) + f"{amount:064x}" for address, amount in payments)


def word(address: str) -> str:
    """An address as one word of call data, in hex without 0x."""
    return address.removeprefix("0x").lower().rjust(64, "0")


def _push(number: int) -> bytes:
    size = max(1, (number.bit_length() + 7) // 8)
    return bytes([0x5F + size]) + number.to_bytes(size, "big")
