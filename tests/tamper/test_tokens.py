"""Pages are cut as browsers cut them, whatever they are made of, and in time that grows evenly."""

from __future__ import annotations

import random
import time

import pytest

from donations.tamper.tokens import Tag, Text, tokens
from tests.tamper.pages import form, look, post


def told(source: str) -> list[str]:
    """Tags as <name> or </name>, texts as they are."""
    return [
        f"<{'/' * each.closing}{each.name}>" if isinstance(each, Tag) else each.text
        for each in tokens(source)
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b <3 &amp; c", ["a ", "<", " b ", "<", "3 & c"]),
        ("<!-->a<!--->b<!-- c --!>d<!-- e -->f", ["a", "b", "d", "f"]),
        ("<!x>a<?y>b</ z>c", ["a", "b", "c"]),
        ("<a title='>'>b", ["<a>", "b"]),
        ("<a/href=x/y>b", ["<a>", "b"]),
        ("<a b", []),
        ("<a b='c", []),
        ("<!-- a", []),
        ("<script>a</scriptx></script >b", ["<script>", "a</scriptx>", "</script>", "b"]),
        ("<script><!--<script></script>a</script>b",
         ["<script>", "<!--<script></script>a", "</script>", "b"]),
        ("<script><!--<script>--></script>b", ["<script>", "<!--<script>-->", "</script>", "b"]),
        ("<style>a<b</STYLE>c", ["<style>", "a<b", "</style>", "c"]),
        ("<title>&lt;a</title>", ["<title>", "<a", "</title>"]),
        ("<xmp>&lt;<b></xmp>", ["<xmp>", "&lt;<b>", "</xmp>"]),
        ("<plaintext><b>", ["<plaintext>", "<b>"]),
    ],
)  # fmt: skip
def test_a_page_is_cut_as_in_a_browser(source: str, expected: list[str]) -> None:
    """Comments, raw text, quotes and unfinished tags end where the HTML standard says."""
    assert told(source) == expected


def test_the_first_of_equal_attributes_counts() -> None:
    """Names are read without their case, values with their entities."""
    (tag,) = [t for t in tokens("<A HREF=a&amp;b href='c' x = \"d\" y>") if isinstance(t, Tag)]
    assert tag.attributes == {"href": "a&b", "x": "d", "y": ""}


@pytest.mark.parametrize(
    "piece",
    ["<", "<a ", "<!--", "<script><!--", "<a b='", "<a" + " b" * 9, "&", "<a =",
     "<p class=comment>", "<donation-widget>", "<li>", "</p>", "bc1q",
     "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2 ", "\u200b",
     "<a href='bitcoin:1", "<svg><path d='", "<style>donation-widget{", "<b style='opacity:0"],
)  # fmt: skip
def test_no_page_takes_long(piece: str) -> None:
    """A page of the largest size, of whatever piece again and again, is judged in seconds."""
    start = time.process_time()
    look(piece * (200_000 // len(piece)))
    assert time.process_time() - start < 4.0


def test_no_page_breaks_the_reading(seed: int, long: bool) -> None:
    """Pages cut, doubled and mixed at random are judged without an error."""
    chance = random.Random(seed)
    page = post(form("static") + form())
    for _ in range(3000 if long else 150):
        broken = page
        for _ in range(chance.randint(1, 6)):
            a, b = sorted(chance.sample(range(len(broken) + 1), 2))
            middle = broken[a:b][: chance.randint(0, 200)]
            broken = chance.choice(
                [
                    broken[:a] + broken[b:],
                    broken[:a] + middle + broken[a:],
                    broken[:a] + chance.choice("<>\"'/=&-!\0\u200b") + broken[a:],
                ]
            )
        for finding in look(broken):
            assert str(finding).isprintable()


def test_text_knows_where_it_stands() -> None:
    """Starts point into the source."""
    source = "<p>one</p>\n<p>two</p>"
    starts = [t.start for t in tokens(source) if isinstance(t, Text) and t.text.strip()]
    assert [source[at : at + 3] for at in starts] == ["one", "two"]
