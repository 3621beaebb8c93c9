"""The headers of each public answer: who may embed it, how long it may be kept, what it may do.

Public answers carry no secret and depend on no cookie, so any page may read them (``*``) and any
page that isolates itself (COEP) may embed them. A language is part of the address: nothing varies
with Accept-Language.
"""

from __future__ import annotations

ANYONE = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Timing-Allow-Origin": "*",
}
# A picture or a piece of HTML that is opened on its own must not be able to do anything.
_INERT = {"Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'"}
_LIVE = {"Cache-Control": "public, max-age=30, stale-while-revalidate=300"}
_DAY = {"Cache-Control": "public, max-age=86400"}

FRAGMENT = {"Content-Type": "text/html; charset=utf-8", **_LIVE, **ANYONE, **_INERT}
SNAPSHOT = {"Content-Type": "application/json; charset=utf-8", **_LIVE, **ANYONE, **_INERT}
# To be kept as a file and checked elsewhere.
PROOF = {**SNAPSHOT, "Content-Disposition": 'attachment; filename="proof.json"'}
SVG = {"Content-Type": "image/svg+xml; charset=utf-8", **_DAY, **ANYONE, **_INERT}
PNG = {"Content-Type": "image/png", **_DAY, **ANYONE, **_INERT}
SCRIPT = {
    "Content-Type": "text/javascript; charset=utf-8",
    "Cache-Control": "public, max-age=3600, stale-while-revalidate=86400",
    **ANYONE,
    **_INERT,
}
SCRIPT_FOREVER = {**SCRIPT, "Cache-Control": "public, max-age=31536000, immutable"}
BUSY = {"Cache-Control": "no-store", **ANYONE, **_INERT}
# A stream is never kept, nor held back by a proxy: nginx obeys the second header.
LIVE = {"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no", **BUSY}

# What every answer of the service carries unless it says otherwise.
EVERY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
    **_INERT,
}

# For one reader who knows the address: kept and found by nobody else.
SECRET_FEED = {
    "Content-Type": "application/atom+xml; charset=utf-8",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
    **_INERT,
}


def download(media: str, name: str) -> dict[str, str]:
    """A file for the author alone."""
    kind = media if media == "application/json" else f"{media}; charset=utf-8"
    return {"Content-Type": kind, "Content-Disposition": f'attachment; filename="{name}"', **_INERT}


def _document(style_hash: str, ancestors: str, script_hash: str = "") -> dict[str, str]:
    """A page that runs our script and shows our style sheet, known by its hash, and no more."""
    scripts = f"'self' '{script_hash}'" if script_hash else "'self'"
    policy = (
        f"default-src 'none'; script-src {scripts}; style-src '{style_hash}'; img-src data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; "
        f"frame-ancestors {ancestors}"
    )
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        **_LIVE,
    }


def page(style_hash: str) -> dict[str, str]:
    """The hosted page: nobody frames it, so what it shows is not somebody else's page."""
    return {**_document(style_hash, "'none'"), "Cross-Origin-Resource-Policy": "same-origin"}


def private_page(style_hash: str) -> dict[str, str]:
    """A page about what one reader asked for: without script, kept and found by nobody."""
    policy = (
        f"default-src 'none'; style-src '{style_hash}'; img-src data:; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    )
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex",
    }


def plain_page(style_hash: str) -> dict[str, str]:
    """A public page without script, which nobody frames."""
    policy = (
        f"default-src 'none'; style-src '{style_hash}'; img-src data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        **_LIVE,
    }


def frame(style_hash: str, script_hash: str = "") -> dict[str, str]:
    """The iframe page: made to be framed, by isolated pages too, which demand both last headers."""
    return {
        **_document(style_hash, "*", script_hash),
        "Cross-Origin-Embedder-Policy": "require-corp",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }


# For the pages of the author alone.
AUTHOR_SCRIPT = {
    "Content-Type": "text/javascript; charset=utf-8",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    **_INERT,
}


def author_page(style_hash: str) -> dict[str, str]:
    """A page of the author: kept by nobody, framed by nobody, and it asks nobody else.

    Its own forms need an Origin, which "no-referrer" would make null (Fetch, section 3.2).
    """
    policy = (
        f"default-src 'none'; script-src 'self'; style-src '{style_hash}'; img-src data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",
        "X-Robots-Tag": "noindex",
    }
