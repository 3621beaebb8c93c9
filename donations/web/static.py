"""The form for site generators: the whole card in the page, shown without script or request.

A declarative shadow root (HTML, section 4.12.3) carries the card and its style. The numbers are
those of the day the site was built; the script, where it may run, renews them, and takes what
moves money from the addresses beside the root, as in the script form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from donations.web.markup import Html


def embed_static(script_form: str, card: Html, style: str) -> str:
    """The HTML to build into a page: what is pasted for the script, with the drawn card in it."""
    # What keeps room for a card that comes later is not needed: this one is there at once.
    element = script_form[script_form.index("<donation-widget") :]
    opening, end, rest = element.partition(">\n")
    root = f'<template shadowrootmode="open"><style>{style}</style>\n{card}</template>\n'
    return opening + end + root + rest
