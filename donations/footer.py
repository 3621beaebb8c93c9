"""Finds the addresses of a page: by their checksum, not by the words beside them.

The words beside decide only what checksums cannot: which of several is the author's, and whether an
old-form address (1..., 3...), valid on Bitcoin and on Bitcoin Cash, is meant for the latter.
"""

from __future__ import annotations

from dataclasses import dataclass

from donations.chains import CHAINS
from donations.errors import InvalidAddress
from donations.page import Page, read_page
from donations.page_matches import Kind, Place, find_matches
from donations.plain import views
from donations.secrets import Finding, find_secret

__all__ = ["Found", "Kind", "NearMiss", "Place", "Reading", "read_footer"]


@dataclass(frozen=True, slots=True)
class Found:
    """An address, canonical, once, with all its places in the order of the page."""

    chain: str
    address: str
    places: tuple[Place, ...]

    @property
    def labelled(self) -> bool:
        """Whether its own chain is named beside it."""
        return any(place.label == self.chain for place in self.places)

    @property
    def in_footer(self) -> bool:
        """Whether one of its places is in a footer or in the last part of the page."""
        return any(place.in_footer for place in self.places)

    @property
    def in_comments(self) -> bool:
        """Whether all its places are among readers' comments."""
        return all(place.in_comments for place in self.places)


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A text that looks like an address and is none that can be watched."""

    text: str
    reason: str
    place: Place


@dataclass(frozen=True, slots=True)
class Reading:
    """What a page holds. ``found`` is ranked: chain by chain, the likeliest of each first.

    ``secrets`` and ``comment_secrets`` say that key material stands on the page itself or among its
    comments, and never what it is.
    """

    title: str | None
    language: str | None
    found: tuple[Found, ...]
    near_misses: tuple[NearMiss, ...]
    secrets: tuple[Finding, ...]
    comment_secrets: tuple[Finding, ...]

    def of(self, chain: str) -> tuple[Found, ...]:
        """The candidates of one chain, the likeliest first."""
        return tuple(found for found in self.found if found.chain == chain)


def read_footer(source: str) -> Reading:
    """Read a page, HTML or plain text."""
    page = read_page(source)
    secrets, comment_secrets = _secrets(page)
    quiet = bool(secrets or comment_secrets)
    found: dict[tuple[str, str], list[Place]] = {}
    legacy: dict[str, list[Place]] = {}
    misses: dict[str, NearMiss] = {}
    for match in find_matches(page, quiet):
        try:
            address = _parse(match.chain, match.text)
        except InvalidAddress as error:
            if match.reports:
                reason = f"looks like {CHAINS[match.chain].symbol}, but {_why(error)}"
                misses.setdefault(match.text, NearMiss(match.text, reason, match.place))
            continue
        is_old_form = match.chain == "btc" and address[0] in "13"
        if is_old_form:
            places = legacy.setdefault(address, [])
        else:
            places = found.setdefault((match.chain, address), [])
        if match.place not in places:
            places.append(match.place)
    for address, places in legacy.items():
        labels = {place.label for place in places} & {"btc", "bch"}
        chain = "bch" if labels == {"bch"} else "btc"
        found.setdefault((chain, _parse(chain, address)), []).extend(places)
    return Reading(
        title=page.title,
        language=page.language,
        found=_ranked(found),
        near_misses=tuple(misses.values()),
        secrets=secrets,
        comment_secrets=comment_secrets,
    )


def _parse(chain: str, text: str) -> str:
    return CHAINS[chain].parse(text, CHAINS[chain].networks["mainnet"])


def _why(error: InvalidAddress) -> str:
    _, separator, rule = error.reason.partition(" address: ")
    return rule if separator else error.reason


def _ranked(found: dict[tuple[str, str], list[Place]]) -> tuple[Found, ...]:
    """The author's own first: not among comments, named beside, in the footer, often."""
    order = list(CHAINS)
    everything = [
        Found(chain, address, tuple(places)) for (chain, address), places in found.items()
    ]
    return tuple(
        sorted(
            everything,
            key=lambda one: (
                order.index(one.chain),
                one.in_comments,
                not one.labelled,
                not one.in_footer,
                -len(one.places),
            ),
        )
    )


def _secrets(page: Page) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Key material on the page itself, and among its comments."""
    own: list[Finding] = []
    comments: list[Finding] = []
    for in_comments, findings in ((False, own), (True, comments)):
        part = page.part(in_comments=in_comments)
        for view in views(part.text):
            finding = find_secret(view.text)
            if finding is not None:
                lines = view.text.split("\n")[: finding.line - 1]
                start = view.origin(sum(len(line) + 1 for line in lines))
                findings.append(Finding(finding.kind, part.spot(start).line))
        for attribute in page.attributes:
            if attribute.spot.in_comments is in_comments:
                finding = find_secret(attribute.value)
                if finding is not None:
                    findings.append(Finding(finding.kind, attribute.spot.line))
    return tuple(dict.fromkeys(own)), tuple(dict.fromkeys(comments))
