"""What is prepared for programs and pictures, path by path, as it is documented."""

from __future__ import annotations

from donations.web.api.forms import (
    AliveForm,
    BadgeForm,
    InlineForm,
    OembedForm,
    ReadyForm,
    SnapshotForm,
)
from donations.web.api.operation import Operation
from donations.web.api.parameter import any_text, whole, word

_LANGUAGE = any_text("lang", "The language; an unknown one is the usual one.")
_SVG, _PNG = "image/svg+xml", "image/png"

PREPARED = {
    "/snapshot.json": Operation(
        "getSnapshot", "Addresses, totals, goal and latest gifts", SnapshotForm,
        errors=(503,), kept=True,
    ),
    "/badge.json": Operation(
        "getBadge", "The total in words, for shields.io", BadgeForm,
        parameters=(_LANGUAGE,), errors=(503,), kept=True,
    ),
    "/inline.json": Operation(
        "getInline", "The card as HTML, for plugins", InlineForm,
        parameters=(_LANGUAGE,), errors=(503,), kept=True,
    ),
    "/badge.svg": Operation(
        "getBadgeSvg", "The total as a picture", media=_SVG,
        parameters=(_LANGUAGE,), errors=(503,), kept=True,
    ),
    "/badge.png": Operation(
        "getBadgePng", "The total as a picture, for e-mail", media=_PNG,
        parameters=(_LANGUAGE,), errors=(503,), kept=True,
    ),
    "/card.png": Operation(
        "getCardPng", "The card as a picture, for previews", media=_PNG,
        parameters=(_LANGUAGE,), errors=(503,), kept=True,
    ),
    "/feed.atom": Operation(
        "getFeed", "The latest gifts as a feed", media="application/atom+xml",
        parameters=(_LANGUAGE,), errors=(503,), kept=True,
    ),
    "/qr/{chain}/{name}": Operation(
        "getQr", "The QR code of an address: its name ends in .svg or .png", media="image/*",
        parameters=(
            word("chain", "The chain.", "[a-z]{2,8}", in_path=True, example="btc"),
            word("name", "The address, and .svg or .png.", r"[0-9A-Za-z:]{1,120}\.(?:svg|png)",
                 in_path=True),
        ),
        errors=(404, 503), kept=True,
    ),
}  # fmt: skip

OEMBED = Operation(
    "getOembed",
    "oEmbed 1.0 for the address of the hosted page; of the format json alone, others are a 501",
    OembedForm,
    parameters=(
        any_text("url", "The address of the hosted page.", required=True),
        whole("maxwidth", "Pixels.", lowest=1, highest=99_999),
        whole("maxheight", "Pixels.", lowest=1, highest=99_999),
    ),
    errors=(400, 404, 501),
    kept=True,
)
ALIVE = Operation("getAlive", "Whether the process answers", AliveForm)
READY = Operation(
    "getReady",
    "Whether what is shown is of now; if not, why not, and the status is 503",
    ReadyForm,
    also=(503,),
)
