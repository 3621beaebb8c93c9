"""Signatures that others published, and that each byte of them and of the message counts."""

from __future__ import annotations

import base64

import pytest

from donations.chains import CHAINS
from donations.statement import bip322, bitcoin_message, ethereum_message
from donations.statement.minisign import check_minisign, parse_key

# Bitcoin Core, test/functional/rpc_signmessagewithprivkey.py (regtest).
CORE = (
    "mpLQjfK79b7CCV4VMJWEWAj5Mpx8Up5zxB",
    b"This is just a test message",
    "INbVnW4e6PeRmsv2Qgu8NuopvrVjkcxob+sX8OcZG0SALhWybUjzMLPdAsXI46YZGb0KQTRii+wWIQzRpG/U+S0=",
)
# BIP-322, test vectors.
SEGWIT = "bc1q9vza2e8x573nczrlzms0wvx3gsqjx7vavgkx0l"
TAPROOT = "bc1ppv609nr0vr25u07u95waq5lucwfm6tde4nydujnu8npg4q75mr5sxq8lt3"
SIMPLE = [
    (
        SEGWIT,
        b"",
        "AkcwRAIgM2gBAQqvZX15ZiysmKmQpDrG83avLIT492QBzLnQIxYCIBaTpOaD20qRlEylyxFSeEA2ba9YOixpX8z4"
        "6TSDtS40ASECx/EgAxlkQpQ9hYjgGu6EBCPMVPwVIVJqO4XCsMvViHI=",
    ),
    (
        SEGWIT,
        b"Hello World",
        "AkcwRAIgZRfIY3p7/DoVTty6YZbWS71bc5Vct9p9Fia83eRmw2QCICK/ENGfwLtptFluMGs2KsqoNSk89pO7F29z"
        "JLUx9a/sASECx/EgAxlkQpQ9hYjgGu6EBCPMVPwVIVJqO4XCsMvViHI=",
    ),
    (
        TAPROOT,
        b"Hello World",
        "AUHd69PrJQEv+oKTfZ8l+WROBHuy9HKrbFCJu7U1iK2iiEy1vMU5EfMtjc+VSHM7aU0SDbak5IUZRVno2P5mjSaf"
        "AQ==",
    ),
]
# The documentation of web3.js, eth.accounts.recover: EIP-191, version 0x45.
ETHEREUM = (
    "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23",
    b"Some data",
    "0xb91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd"
    "6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a0291c",
)
# The documentation of minisign-verify: minisign's own key, a hashed and a legacy signature.
MINISIGN = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"
MINISIGNED = [
    """untrusted comment: signature from minisign secret key
RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=
trusted comment: timestamp:1633700835\tfile:test\tprehashed
wLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJpIidRJnp94ABQkJAgAooBQ==
""",
    """untrusted comment: signature from minisign secret key
RWQf6LRCGA9i59SLOFxz6NxvASXDJeRtuZykwQepbDEGt87ig1BNpWaVWuNrm73YiIiJbq71Wi+dP9eKL8OC351vwIasSSbXxwA=
trusted comment: timestamp:1555779966\tfile:test
QtKMXWyYcwdpZAlPF7tE2ENJkRd1ujvKjlj1m9RtHTBnZPa5WKU5uWRs5GoP5M/VqE81QFuMKI5k/SfNQUaOAA==
""",
]
_ORDER = 2**252 + 27742317777372353535851937790883648493  # of Ed25519, RFC 8032 section 5.1


def script(address: str, network: str = "mainnet") -> bytes:
    chain = CHAINS["btc"]
    assert chain.script is not None
    return chain.script(address, chain.networks[network])


def good(check: object, message: bytes, signature: bytes, locking: bytes) -> bool:
    """A checker's word; what is no signature at all is not good either."""
    try:
        return bool(check(message, signature, locking))  # type: ignore[operator]
    except ValueError:
        return False


def test_bip_137() -> None:
    """A signature of Bitcoin Core is good for its address and message, and for no other."""
    address, message, text = CORE
    signature, locking = bitcoin_message.decoded(text), script(address, "regtest")
    assert bitcoin_message.is_recoverable(signature)
    assert good(bitcoin_message.signed_by_script, message, signature, locking)
    assert not good(bitcoin_message.signed_by_script, message + b".", signature, locking)
    assert not good(bitcoin_message.signed_by_script, message, signature, script(SEGWIT))
    for at in range(len(signature)):
        for bit in range(8):
            changed = bytearray(signature)
            changed[at] ^= 1 << bit
            if bitcoin_message.is_recoverable(bytes(changed)):
                # Only the header's kind of address may differ: the key is the same then.
                same = at == 0 and (changed[0] - 27) % 4 == (signature[0] - 27) % 4
                is_good = good(bitcoin_message.signed_by_script, message, bytes(changed), locking)
                assert is_good == (same and changed[0] >= 31)


@pytest.mark.parametrize(("address", "message", "text"), SIMPLE)
def test_bip_322(address: str, message: bytes, text: str) -> None:
    """The simple signatures of the specification are good, and no byte of them may change."""
    signature, locking = bitcoin_message.decoded(text), script(address)
    assert bip322.supports(locking)
    assert not bitcoin_message.is_recoverable(signature)
    assert good(bip322.signed_by_script, message, signature, locking)
    assert not good(bip322.signed_by_script, message + b"\n", signature, locking)
    other = script(TAPROOT if address == SEGWIT else SEGWIT)
    assert not good(bip322.signed_by_script, message, signature, other)
    for at in range(len(signature)):
        changed = signature[:at] + bytes([signature[at] ^ 1]) + signature[at + 1 :]
        assert not good(bip322.signed_by_script, message, changed, locking), at
        assert not good(bip322.signed_by_script, message, signature[:at], locking), at
    assert not good(bip322.signed_by_script, message, signature + b"\0", locking)


def test_addresses_of_scripts_are_not_supported() -> None:
    """What a single key does not spend is not guessed at."""
    for address in ("3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", CORE[0]):
        network = "regtest" if address == CORE[0] else "mainnet"
        assert not bip322.supports(script(address, network))


def test_eip_191() -> None:
    """A published signature names its signer, and any other message or byte another one."""
    address, message, signature = ETHEREUM
    assert ethereum_message.signer(message, signature) == address
    assert ethereum_message.signer(message, f"{signature[:-2]}01") == address
    assert ethereum_message.signer(message + b".", signature) != address
    for at in range(2, 132):
        digit = "0" if signature[at] != "0" else "1"
        try:
            changed = ethereum_message.signer(message, signature[:at] + digit + signature[at + 1 :])
        except ValueError:
            continue
        assert changed != address, at


def test_the_twin_of_an_ethereum_signature_is_refused() -> None:
    """EIP-2: of each signature only the form with the lower s is one."""
    _, message, signature = ETHEREUM
    order = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
    s = order - int(signature[66:130], 16)
    twin = f"{signature[:66]}{s:064x}1b"
    with pytest.raises(ValueError, match="EIP-191"):
        ethereum_message.signer(message, twin)
    for text in ("", "0x", signature[2:], signature + "00", signature.replace("b9", "zz")):
        with pytest.raises(ValueError, match="hexadecimal"):
            ethereum_message.signer(message, text)


@pytest.mark.parametrize("text", MINISIGNED)
def test_minisign(text: str) -> None:
    """Signatures of minisign itself, hashed and not, are good for their file alone."""
    key = parse_key(MINISIGN)
    signed = check_minisign(key, b"test", text)
    assert signed.comment.startswith("timestamp:")
    assert "secret key" not in signed.text
    assert check_minisign(key, b"test", signed.text).text == signed.text
    assert check_minisign(key, b"test", text.replace("\n", "\r\n")).text == signed.text
    with pytest.raises(ValueError, match="does not belong"):
        check_minisign(key, b"test\n", text)
    with pytest.raises(ValueError, match="comment was changed"):
        check_minisign(key, b"test", text.replace("file:test", "file:rest"))
    with pytest.raises(ValueError, match="four lines"):
        check_minisign(key, b"test", text + "more\n")


@pytest.mark.parametrize("text", MINISIGNED)
def test_every_bit_of_a_minisign_signature_counts(text: str) -> None:
    """A changed byte, a twin with a larger s, and another key's number are all refused."""
    key, lines = parse_key(MINISIGN), text.split("\n")

    def refused(number: int, data: bytes) -> None:
        changed = [*lines]
        changed[number] = base64.b64encode(data).decode()
        with pytest.raises(ValueError, match=r"\w"):
            check_minisign(key, b"test", "\n".join(changed))

    for number, at_s in ((1, 42), (3, 32)):
        data = base64.b64decode(lines[number])
        for at in range(len(data)):
            refused(number, data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        s = int.from_bytes(data[at_s:], "little") + _ORDER
        refused(number, data[:at_s] + s.to_bytes(32, "little"))
        refused(number, data[:-1])


# RFC 8032, section 7.1: public key, message, signature.
RFC_8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("public", "message", "signature"), RFC_8032)
def test_ed25519_of_the_standard(public: str, message: str, signature: str) -> None:
    """The vectors of RFC 8032, wrapped as minisign wraps a legacy signature."""
    number = b"\x01" * 8
    key = parse_key(base64.b64encode(b"Ed" + number + bytes.fromhex(public)).decode())
    own = base64.b64encode(b"Ed" + number + bytes.fromhex(signature)).decode()
    whole = base64.b64encode(bytes(64)).decode()
    text = f"untrusted comment: x\n{own}\ntrusted comment: y\n{whole}\n"
    with pytest.raises(ValueError, match="comment was changed"):  # so the signature is good
        check_minisign(key, bytes.fromhex(message), text)
    with pytest.raises(ValueError, match="does not belong"):
        check_minisign(key, bytes.fromhex(message) + b"\0", text)


def test_what_is_no_key() -> None:
    """A secret key, a cut one and one that is no point are refused."""
    for text in ("", MINISIGN[:-4], MINISIGN + "AAAA", "RWQ" + "!" * 53,
                 base64.b64encode(b"ED" + bytes(40)).decode(),
                 base64.b64encode(b"Ed" + bytes(8) + b"\xff" * 31 + b"\x7f").decode()):  # fmt: skip
        with pytest.raises(ValueError, match="not a public key"):
            parse_key(text)
