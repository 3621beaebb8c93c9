"""The addresses of ``tests/data/addresses.json``: published facts with their sources named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "data" / "addresses.json").read_text("utf-8")
)

# The three addresses of the example configuration.
BTC = "1BuyJKZLeEG5YkpbGn4QhtNTxhUqtpEGKf"
BCH = "bitcoincash:qqefdljudc7c02jhs87f29yymerxpu0zfupuufgvz6"
ETH = "0x8e2827A89419Dbdcc88286f64FED21C3B3dEEcd8"
BCH_LEGACY = "15cVfp1wgNFSUVLUbGUufRvWntSkCcpcEB"
BCH_TOKEN_AWARE = "bitcoincash:zqefdljudc7c02jhs87f29yymerxpu0zfuxk0hx2af"
