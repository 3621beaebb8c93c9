"""Addresses are found in a page by their checksum, wherever they stand and however they are cut."""

from __future__ import annotations

import random
import time

import pytest

from donations.chains.eth import checksummed
from donations.footer import Found, Kind, Reading, read_footer
from tests.chains.vectors import BCH, BCH_LEGACY, BTC, ETH
from tests.secret_material import phrase, pieces, wif

SEED = 20260206
BARE = BCH.removeprefix("bitcoincash:")
SAMPLE = f"""J'accepte les BTC, ETH et BCH !
{BTC}
BTC : {BTC}
BCH : {BARE}
ETH : {ETH}
"""
TAPROOT = "bc1p83n3au0rjylefxq2nc2xh2y4jzz4pm6zxj4mw5pagdjjr2a9f36s6jjnnu"
OTHER_ETH = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
OTHER_BTC = "1FsSia9rv4NeEwvJ2GvXrX7LyxYspbN2mo"


def addresses(reading: Reading) -> list[tuple[str, str]]:
    return [(found.chain, found.address) for found in reading.found]


def only(source: str) -> Found:
    (found,) = read_footer(source).found
    return found


GROUPS = [BTC[at : at + 4] for at in range(0, len(BTC), 4)]
ALL = [("btc", BTC), ("bch", BCH), ("eth", ETH)]


@pytest.mark.parametrize(
    "source",
    [
        SAMPLE,
        SAMPLE.replace("\n", "\r\n"),
        "<p>" + SAMPLE.replace("\n", "<br />\n") + "</p>",
        "<footer>" + "".join(f"<p>{line}</p>" for line in SAMPLE.split("\n")) + "</footer>",
        "<div class='site-footer'><ul>"
        + "".join(f"<li>{line}" for line in SAMPLE.split("\n"))
        + "</ul></div>",
    ],
    ids=["text", "crlf", "br", "paragraphs", "list"],
)
def test_the_sample_footer(source: str) -> None:
    """The footer of the first user is understood as it stands: three addresses, each once."""
    reading = read_footer(source)
    assert addresses(reading) == ALL
    assert reading.near_misses == ()
    assert len(reading.of("btc")[0].places) == 2
    assert all(found.labelled for found in reading.found)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        (f"<a href='bitcoin:{BTC}?label=Blog'>Bitcoin</a>", Kind.LINK),
        (f"<a href='https://explorer.example/btc/address/{BTC}'>x</a>", Kind.ATTRIBUTE),
        (f"<input value='{BTC}'>", Kind.ATTRIBUTE),
        (f"<meta name=x content='{BTC}'>", Kind.ATTRIBUTE),
        (f"<button data-clipboard-text=' {BTC} '>copy</button>", Kind.ATTRIBUTE),
        (f"<img alt='BTC: {BTC}' src=q.png>", Kind.ATTRIBUTE),
        (f"<p>1Buy<b>JKZLeEG5</b><wbr>Ykpb<span>{BTC[16:]}</span></p>", Kind.TEXT),
        (f"<p>{BTC[:9]}&#8203;{BTC[9:20]}&shy;{BTC[20:]}</p>", Kind.TEXT),
        (f"<p>BTC&nbsp;:&nbsp;{'&nbsp;'.join(GROUPS)}</p>", Kind.TEXT),
        (f"<p>BTC: {' '.join(GROUPS)} </p>", Kind.TEXT),
        (f"[Bitcoin](bitcoin:{BTC})", Kind.TEXT),
        (f"<td>({BTC})</td>", Kind.TEXT),
    ],
)  # fmt: skip
def test_wherever_it_stands(source: str, kind: Kind) -> None:
    """Links, attributes and text give the address, also when tags or spaces cut it."""
    found = only(source)
    assert (found.chain, found.address, found.places[0].kind) == ("btc", BTC, kind)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"BCH: {BCH_LEGACY}", ("bch", BCH)),
        (f"Bitcoin Cash : {BCH_LEGACY}", ("bch", BCH)),
        (f"<dl><dt>BCH<dd>{BCH_LEGACY}</dl>", ("bch", BCH)),
        (f"<a href='bitcoincash:{BCH_LEGACY}'>x</a>", ("bch", BCH)),
        (f"{BCH_LEGACY} (BCH)", ("bch", BCH)),
        (BCH_LEGACY, ("btc", BCH_LEGACY)),
        (f"BTC: {BCH_LEGACY}", ("btc", BCH_LEGACY)),
        (f"We take BTC and BCH! {BCH_LEGACY}\nBTC: {BCH_LEGACY}", ("btc", BCH_LEGACY)),
        (f"We take BTC, ETH and BCH:\n{BCH_LEGACY}", ("btc", BCH_LEGACY)),
        (BCH.upper(), ("bch", BCH)),
        (f"BTC: {BARE}", ("bch", BCH)),
        (f"BTC: {ETH.lower()}", ("eth", ETH)),
        (f"bitcoin:{TAPROOT.upper()}", ("btc", TAPROOT)),
    ],
)
def test_the_label_decides_only_what_the_checksum_cannot(
    text: str, expected: tuple[str, str]
) -> None:
    """An old form is Bitcoin Cash when every label beside it says so; no other label counts."""
    found = only(text)
    assert (found.chain, found.address) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (BTC[:-1] + "g", "looks like BTC, but the checksum is wrong"),
        (BTC.replace("Y", "0"), "looks like BTC, but character 13 does not exist in base58"),
        (TAPROOT[:-1] + "q", "looks like BTC, but the checksum is wrong"),
        (BARE[:-1] + "7", "looks like BCH, but the checksum is wrong"),
        (BCH[:-1] + "7", "looks like BCH, but the checksum is wrong"),
        (ETH[:-2] + "D8", "looks like ETH, but the checksum is wrong"),
        (ETH[:-1], "looks like ETH, but an address is 0x and 40"),
        ("tb1qcrh3yqn4nlleplcez2yndq2ry8h9ncg3qh7n54", "this is a Bitcoin testnet address"),
        ("mzK2FFDEhxqHcmrJw1ysqFkVyhUULo45hZ", "testnet address"),
    ],
)
def test_near_misses_are_reported(text: str, reason: str) -> None:
    """What looks like an address and is none is told with its reason and its line."""
    reading = read_footer(f"one\ntwo\nBTC : {text}.\n")
    assert reading.found == ()
    (miss,) = reading.near_misses
    assert reason in miss.reason
    assert (miss.text, miss.place.line) == (text, 3)


def test_what_is_no_address_is_not_reported() -> None:
    """Hashes, tokens of attributes, numbers and words raise no false alarm."""
    source = (
        "<p>md5 3858f62230ac3c915f300c664312c63f, tx 0x" + "ab" * 32 + ", 1234567890123456789012345"
        "<div id='3aB9" + "xY7" * 9 + "' class='1Abc23" + "Zz9" * 8 + "'>anticonstitutionnellement"
        "<script>var a = '" + BTC[:-1] + "g';</script>"
    )  # fmt: skip
    assert read_footer(source).near_misses == ()
    assert read_footer(source).found == ()


def test_places_tell_line_part_and_label() -> None:
    """Each place has its line of the source, its label, and which part of the page holds it."""
    source = (
        "<!doctype html>\n<html lang='fr-FR'>\n<head><title>Le\n blog</title></head>\n<body>\n"
        f"<main>\n<p>\n{OTHER_BTC} {'mots ' * 200}</p>\n</main>\n"
        f"<section id='comments'><p class='x'>ETH {OTHER_ETH}</p></section>\n"
        f"<footer>\nBTC :\n {BTC}</footer></body>"
    )
    reading = read_footer(source)
    assert (reading.title, reading.language) == ("Le blog", "fr")
    assert addresses(reading) == [("btc", BTC), ("btc", OTHER_BTC), ("eth", OTHER_ETH)]
    first, second, third = (found.places[0] for found in reading.found)
    assert (first.line, first.label, first.in_footer, first.in_comments) == (13, "btc", True, False)
    assert (second.line, second.label, second.in_footer) == (8, None, False)
    assert (third.line, third.label, third.in_comments) == (10, "eth", True)
    assert "BTC" in first.excerpt
    assert BTC in first.excerpt


def test_the_author_ranks_before_commenters() -> None:
    """Among several, own text ranks before comments, then labelled, then in the footer."""
    body = "<p>" + "words " * 300
    source = (
        f"<div class='comment-list'>ETH: {OTHER_ETH} ETH: {OTHER_ETH}</div>{body}"
        f"<p>0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359</p>{body}<p>ETH : {ETH}</p>{body}{body}"
    )
    assert [found.address for found in read_footer(source).of("eth")] == [
        ETH,
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        OTHER_ETH,
    ]


def test_generated_addresses_in_generated_pages() -> None:
    """Every address of a page is found once, whatever tags and words surround it."""
    rng = random.Random(SEED)
    for number in range(200):
        wanted = {checksummed("0x" + rng.randbytes(20).hex()) for _ in range(rng.randrange(1, 5))}
        parts = []
        for address in wanted:
            cut = rng.randrange(1, 41)
            inner = rng.choice(["", "<b></b>", "<wbr>", "&#8203;", "<i>", "&zwj;"])
            parts.append(
                f"{rng.choice(['ETH', 'Ether:', ''])} {address[:cut]}{inner}{address[cut:]}"
            )
        source = rng.choice(["<br>", "<p>", " ", "</li><li>"]).join(["<div>", *parts, "</div>"])
        reading = read_footer(source)
        assert {found.address for found in reading.found} == wanted, f"seed {SEED}, {number}"
        assert reading.near_misses == (), f"seed {SEED}, {number}"


def test_secrets_are_told_by_kind_and_line_only() -> None:
    """Key material on the page is told apart from a commenter's, and no part of it is repeated."""
    rng = random.Random(SEED)
    for _ in range(50):
        key, words = wif(rng), phrase(rng)
        source = (
            f"<p>{BTC}</p>\n<p>{key[:20]}<b>{key[20:]}</b> beside {ETH}</p>\n"
            f"<div id='comments'>\n{words} {BARE}</div>"
        )
        reading = read_footer(source)
        assert [finding.line for finding in reading.secrets] == [2]
        assert [finding.line for finding in reading.comment_secrets] == [4]
        assert addresses(reading) == ALL
        told = repr(reading)
        for piece in (*pieces(key), *pieces(words)):
            assert piece not in told, f"seed {SEED}"


UNITS = ["<b>", "1Abc2", "abcd ", "bitcoin:", "<!--", "0x", "\u200b", "bc1q", "word ", "<a ", "<",
         "</", "<!", "<?", "<![", "<a x='", "&", "&#", "<script>", "<p class=comment>"]  # fmt: skip


def test_hostile_pages_take_seconds_at_most() -> None:
    """Hostile text is read in a time that grows with its length, not with its square."""
    for unit in UNITS:
        source = "<p>" + unit * ((1 << 18) // len(unit))
        started = time.monotonic()
        read_footer(source)
        assert time.monotonic() - started < 10, unit
