"""The form for site generators: the whole card in the page, shown without script or request.

A declarative shadow root (HTML, section 4.12.3.1) carries the card and its style. The numbers are
those of the day the site was built; the script, where it may run, renews them, and takes what
moves money from the addresses beside the root, as in the script form.
"""

from __future__ import annotations

from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

from donations.web.embed import embed_script
from donations.web.fragment import FragmentWriter

if TYPE_CHECKING:
    from donations.snapshot import Snapshot
    from donations.web.assets import Assets


def embed_static(
    assets: Assets,
    snapshot: Snapshot,
    *,
    public_url: str | None,
    language: str,
    zone: tzinfo = UTC,
) -> str:
    """The HTML to build into a page. Raises ConfigError without an https ``public_url``."""
    script_form = embed_script(
        assets, snapshot.coins, public_url=public_url, language=language, title=snapshot.title
    )
    home = f"{(public_url or '').rstrip('/')}/"
    card = FragmentWriter(assets, assets.locales[language], home, zone).write(snapshot)
    # What keeps room for a card that comes later is not needed: this one is there at once.
    element = script_form[script_form.index("<donation-widget") :]
    opening, end, rest = element.partition(">\n")
    root = f'<template shadowrootmode="open"><style>{assets.style}</style>\n{card}</template>\n'
    return opening + end + root + rest
