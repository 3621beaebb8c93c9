"""The oEmbed provider: what the specification asks for, and nothing for anybody else's page."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest

from donations.web.assets import load_assets
from donations.web.oembed import HEIGHT_NARROW, HEIGHT_WIDE, Provider, Refused
from donations.web.publisher import Publisher
from tests.web.samples import snapshot

ASSETS = load_assets()
HOME = "https://dons.example.org/blog/"


def provider(title: str = "Carnet") -> Provider:
    """The provider of a published page."""
    publisher = Publisher(ASSETS, languages=("fr", "en"), public_url=HOME)
    publisher.publish(snapshot(title=title))
    found = publisher.provider
    assert found is not None
    return found


def ask(given: Provider | None = None, **query: str) -> dict[str, Any]:
    """The document of an answer."""
    prepared = (given or provider()).answer({"url": HOME, **query})
    document: dict[str, Any] = json.loads(prepared.bodies["identity"])
    return document


def refused(**query: str) -> int:
    """The status of a refusal."""
    with pytest.raises(Refused) as caught:
        provider().answer(query)
    return caught.value.status


class Tags(HTMLParser):
    """All elements of a text, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_answer_is_a_rich_frame_of_fixed_size() -> None:
    """One iframe of the given size and nothing else, with the attributes WordPress keeps."""
    document = ask(maxwidth="650", maxheight="975")
    assert (document["version"], document["type"]) == ("1.0", "rich")
    ((tag, attributes),) = Tags(document["html"]).found
    assert tag == "iframe"
    assert attributes == {
        "src": f"{HOME}sandboxed?lang=fr",
        "width": "600",
        "height": str(HEIGHT_WIDE),
        "title": "Carnet",
        "frameborder": "0",
    }
    assert (document["width"], document["height"]) == (600, HEIGHT_WIDE)


@pytest.mark.parametrize("width", [1, 200, 320, 539, 540, 600, 5000])
@pytest.mark.parametrize("height", [1, 300, 680, 800, 5000])
def test_the_sizes_asked_for_are_kept(width: int, height: int) -> None:
    """The frame is never larger than the consumer has room for."""
    document = ask(maxwidth=str(width), maxheight=str(height))
    assert 0 < document["width"] <= width
    assert 0 < document["height"] <= height
    needed = HEIGHT_WIDE if document["width"] >= 540 else HEIGHT_NARROW
    assert document["height"] == min(height, needed)


def test_no_number_is_in_it() -> None:
    """Consumers keep the answer for a day: it is the same before and after a gift."""
    document = json.dumps(ask())
    assert "BTC" not in document
    assert "0,155" not in document


@pytest.mark.parametrize(
    ("url", "language"),
    [(HOME, "fr"), (HOME.rstrip("/"), "fr"), (f"{HOME}?lang=en", "en"), (f"{HOME}?lang=fr", "fr"),
     ("https://DONS.example.org/blog/", "fr")],
)  # fmt: skip
def test_our_page_is_known_in_its_spellings(url: str, language: str) -> None:
    """With and without a final slash, in a language or in the default one."""
    assert f"lang={language}" in ask(url=url)["html"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        " ",
        "https://dons.example.org/",
        "https://dons.example.org/blog/snapshot.json",
        "https://dons.example.org/blog/../blog/",
        "https://dons.example.org/blog/?lang=de",
        "https://dons.example.org/blog/?lang=en&lang=fr",
        "https://dons.example.org/blog/?x=1",
        "https://dons.example.org/blog/?" + "&".join(["a=b"] * 999),
        "http://dons.example.org/blog/",
        "https://dons.example.org:444/blog/",
        "https://dons.example.org:x/blog/",
        "https://dons.example.org.attacker.example/blog/",
        "https://attacker.example/blog/",
        "https://dons.example.org@attacker.example/blog/",
        "https://x@dons.example.org/blog/",
        "//dons.example.org/blog/",
        "javascript:alert(1)",
        "https://[::1/blog/",
        "https://dons.example.org/blog/\u202e",
        "https://dons.example.org/blog/\n",
        "https://d\u043ens.example.org/blog/",
        "x" * 8000,
    ],
)
def test_anything_else_is_not_found(url: str) -> None:
    """404 for every address but our page's, however close it comes."""
    assert refused(url=url) == 404


def test_other_refusals_have_the_status_of_the_specification() -> None:
    """501 for a format we do not have, 400 for what cannot be read."""
    for name in ("xml", "XML", "", "html", "\x00"):
        assert refused(url=HOME, format=name) == 501
    assert refused() == 400
    for size in ("0", "-1", "1.5", "x", "", "1e3", "٣", "9" * 99, " 5"):
        assert refused(url=HOME, maxwidth=size) == 400
        assert refused(url=HOME, maxheight=size) == 400


def test_a_hostile_title_stays_in_its_attribute() -> None:
    """The frame is one element, whatever the title is."""
    ((tag, attributes),) = Tags(ask(provider('"><script>x</script>\u202e'))["html"]).found
    assert (tag, attributes["title"]) == ("iframe", '"><script>x</script>')


def test_without_an_address_there_is_no_provider() -> None:
    """A service that does not know where it is answers for no page."""
    publisher = Publisher(ASSETS, languages=("fr",))
    assert publisher.provider is None
    publisher.publish(snapshot())
    assert publisher.provider is None
