"""What sets the service up: init, check, statement, embed."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from donations.commands.base import (
    DONE,
    INPUT_WRONG,
    WORLD_WRONG,
    command,
    config_option,
    json_option,
    show,
)
from donations.config import Config, load
from donations.errors import ConfigError
from donations.event_loop import run

if TYPE_CHECKING:
    import argparse

    from donations.config import Widget
    from donations.web.assets import Assets


def add(commands: Any) -> None:
    """Declare init, check, statement and embed."""
    init = command(
        commands, "init", _init, "find the addresses of a page and write config.toml",
        "Reads a page (an URL, a file, or - for standard input; HTML or text), finds the addresses "
        "by their checksums, and writes a commented configuration. Where a chain has several "
        "candidates none is enabled: choose in the file.",
    )  # fmt: skip
    init.add_argument("source", metavar="URL|FILE|-", help="the page to read")
    init.add_argument("--output", type=Path, default=Path("config.toml"), metavar="FILE",
                      help="the file to write (default: config.toml)")  # fmt: skip
    init.add_argument("--force", action="store_true", help="replace the file if it exists")
    json_option(init)

    check = command(
        commands, "check", _check, "validate the configuration and ask every upstream once",
        "Shows protocol version, tip, age of the tip, latency and balance of every upstream, and "
        "what is wrong with those that fail. Exit code 0 when on each chain as many operators "
        "answer as must agree, no explorer refuses its key, no watched page raises an alarm, and a "
        "signed statement is good.",
    )  # fmt: skip
    config_option(check)
    json_option(check)
    check.add_argument("--accept-certificate", metavar="HOST", action="append", default=[],
                       help="take the certificate HOST shows now for the pinned one")  # fmt: skip

    check.add_argument("--pages", action="store_true",
                       help="read the watched pages now, and ask no upstream")  # fmt: skip

    statement = command(
        commands, "statement", _statement, "print the statement of your addresses to sign",
        "Sign exactly this text offline, with minisign or with the keys of the addresses, and put "
        "text and signatures into the folder of [statement]. This program holds no key.",
    )  # fmt: skip
    config_option(statement)

    embed = command(
        commands, "embed", _embed, "print the HTML to paste into a post",
        "The script form carries addresses and QR codes in the page itself, so that a service that "
        "is taken over cannot redirect a gift. The iframe form trusts the service. Needs "
        "public_url in the configuration.",
    )  # fmt: skip
    embed.add_argument("slug", metavar="SLUG", nargs="?", default="",
                       help="of several widgets, which (default: that at the root)")  # fmt: skip
    config_option(embed)
    embed.add_argument("--form", choices=("script", "compact", "iframe", "both"), default="both",
                       help="which form to print (default: both)")  # fmt: skip
    embed.add_argument(
        "--static",
        action="store_true",
        help="print the whole card, for a site generator to build into a page: "
        "nothing is asked when it is read, and the numbers are those of now",
    )
    json_option(embed)


def _init(options: argparse.Namespace) -> int:
    from donations.init import run_init

    result = run_init(options.source, options.output, force=options.force)
    show(result.as_json() if options.json else result.lines())
    return DONE if result.enabled else INPUT_WRONG


def _check(options: argparse.Namespace) -> int:
    from donations import check, explorer_key, price_check
    from donations.own_word import own_word

    config = load(options.config)
    for host in options.accept_certificate:
        forgotten = check.accept_certificate(config, host)
        if not forgotten:
            raise ConfigError(f"no certificate of {host} is pinned", key="--accept-certificate")
        print(f"forgot the certificate of {', '.join(forgotten)}", file=sys.stderr)
    if options.pages:
        return _check_pages(config, options)
    rows = run(check.check(config))
    keys = run(explorer_key.check_keys(config))
    prices = run(price_check.check_prices(config))
    word = own_word(config)
    refused = any(key.refused for key in keys)
    good = check.enough(config, rows) and word.good and not refused
    if options.json:
        told = check.as_json(config, rows) | explorer_key.as_json(keys) | word.as_json()
        told |= price_check.as_json(prices)
        show(told | {"ok": told["ok"] and not refused})
    else:
        text = [*check.table(config, rows), *explorer_key.lines(keys)]
        show([*text, *price_check.lines(prices), *word.lines()])
    return DONE if good else WORLD_WRONG


def _check_pages(config: Config, options: argparse.Namespace) -> int:
    from donations.own_word import own_word

    if not config.watch.pages:
        raise ConfigError(
            'no page is watched: [watch] pages = ["https://blog.example/a-post"]',
            file=config.path,
            key="watch.pages",
        )
    word = own_word(config, now=True)
    show(word.as_json() if options.json else word.lines())
    return DONE if word.good else WORLD_WRONG


def _statement(options: argparse.Namespace) -> int:
    from donations.own_word import text_to_sign

    print(text_to_sign(load(options.config)), end="")
    return DONE


def _embed(options: argparse.Namespace) -> int:
    from donations.summary import nothing_known
    from donations.web.assets import load_assets
    from donations.web.embed import embed_frame, embed_script
    from donations.web.locale import FALLBACK, primary

    config = load(options.config)
    widget = config.named(options.slug) if options.slug else config.widget
    assets, url = load_assets(), config.url(widget)
    language = primary(widget.language)
    language = language if language in assets.locales else FALLBACK
    forms = {}
    if options.static:
        forms["static"] = _static(config, widget, assets, language)
    elif options.form != "iframe":
        nothing = nothing_known(config, widget, 0)
        forms["script"] = embed_script(
            assets, nothing.coins, public_url=url,
            language=language, title=widget.title, goal=nothing.goal,
            form="compact" if options.form == "compact" else "card",
        )  # fmt: skip
    if not options.static and options.form in ("iframe", "both"):
        forms["iframe"] = embed_frame(assets, public_url=url, language=language, title=widget.title)
    if options.json:
        show(forms)
    elif len(forms) == 1:
        show([*forms.values()])
    else:
        show([f"<!-- {name} form: paste this -->\n{html}" for name, html in forms.items()])
    return DONE


def _static(config: Config, widget: Widget, assets: Assets, language: str) -> str:
    from donations.summary import read_snapshot
    from donations.web.embed import embed_frame
    from donations.web.publisher import Publisher

    url = config.url(widget)
    # Its error says what is missing; the publisher would show nothing.
    embed_frame(assets, public_url=url, language=language)
    publisher = Publisher(
        assets, languages=(language,), public_url=url, zone=config.timezone, accent=widget.accent
    )
    publisher.publish(read_snapshot(config, widget, int(time.time())))
    form = publisher.find("/static", language)
    return "" if form is None else form.bodies["identity"].decode()
