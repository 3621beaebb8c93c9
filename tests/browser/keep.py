"""Keeps the present script for ever: ``python -m tests.browser.keep``, when a release is made."""

from __future__ import annotations

import sys

from donations.web.assets import load_assets, widget_folder


def main() -> None:
    """Write the script under its name; the same script twice is one file."""
    assets = load_assets()
    kept = widget_folder() / "released" / assets.script_name
    kept.write_bytes(assets.script)
    sys.stdout.write(f"{kept}\n")


if __name__ == "__main__":
    main()
