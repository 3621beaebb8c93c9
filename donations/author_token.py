"""``donations author --new-token``: a secret for the author's pages, shown once, kept nowhere."""

from __future__ import annotations

import hashlib
import json
import secrets

_BYTES = 32


def new_token() -> str:
    """32 random bytes as base64url (RFC 4648, section 5): 43 characters."""
    return secrets.token_urlsafe(_BYTES)


def digest_of(token: str) -> bytes:
    """What is kept of a token: its SHA-256. A random token needs no salt and no slow hash."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def lines(token: str, name: str) -> list[str]:
    """What the command prints: the token, and the line for the configuration."""
    operator = f'{{ name = {json.dumps(name)}, sha256 = "{digest_of(token).hex()}" }}'
    return [
        "Keep this token in your password manager; it is shown once and stored nowhere:",
        "",
        f"  {token}",
        "",
        "Put this into the configuration, and start the service anew:",
        "",
        "[author]",
        f"operators = [{operator}]",
        "",
        "A second operator is a second { ... } in the same list. The pages are at /author.",
    ]
