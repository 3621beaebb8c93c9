"""The ``donations`` command.

Exit codes: 0 done, 1 something is wrong with the world, 2 something is wrong with the input.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from donations import __version__
from donations.config import Config, load
from donations.errors import ConfigError, DonationsError, SecretPasted
from donations.secrets import ADVICE, find_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from donations.web.assets import Assets

DONE, WORLD_WRONG, INPUT_WRONG = 0, 1, 2

_DESCRIPTION = """\
Watch-only tracker and widget for the Bitcoin, Bitcoin Cash and Ethereum gifts to a blog.
It holds no key and cannot spend. Start like this:

  donations init https://blog.example/a-post   find the addresses, write config.toml
  donations check                              ask every upstream once
  donations serve                              run the service
  donations embed                              print the HTML to paste
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        _refuse_keys(words)
        options = _parser().parse_args(words)
        code = int(options.run(options))
        sys.stdout.flush()  # here, where a reader who is gone is expected
        return code
    except ConfigError as error:
        print(f"donations: {error}", file=sys.stderr)
        return INPUT_WRONG
    except DonationsError as error:
        print(f"donations: {error}", file=sys.stderr)
        return WORLD_WRONG
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        return DONE


def _refuse_keys(words: Sequence[str]) -> None:
    """Key material is refused before argparse, whose errors repeat what they do not know."""
    numbers = words[:1] == ["prove"]  # takes those of transactions, and never repeats them
    for text in (*words, " ".join(words)):
        # A folder may be named by 64 digits: those of containers are.
        found = find_secret(text, bare_hex="/" not in text and not numbers)
        if found is not None:
            raise SecretPasted(f"{found.kind} stands here. {ADVICE}", file="the command line")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="donations",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"donations {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    init = _command(
        commands, "init", _init, "find the addresses of a page and write config.toml",
        "Reads a page (an URL, a file, or - for standard input; HTML or text), finds the addresses "
        "by their checksums, and writes a commented configuration. Where a chain has several "
        "candidates none is enabled: choose in the file.",
    )  # fmt: skip
    init.add_argument("source", metavar="URL|FILE|-", help="the page to read")
    init.add_argument("--output", type=Path, default=Path("config.toml"), metavar="FILE",
                      help="the file to write (default: config.toml)")  # fmt: skip
    init.add_argument("--force", action="store_true", help="replace the file if it exists")
    _json_option(init)

    check = _command(
        commands, "check", _check, "validate the configuration and ask every upstream once",
        "Shows protocol version, tip, age of the tip, latency and balance of every upstream, and "
        "what is wrong with those that fail. Exit code 0 when on each chain as many operators "
        "answer as must agree, no watched page raises an alarm, and a signed statement is good.",
    )  # fmt: skip
    _config_option(check)
    _json_option(check)
    check.add_argument("--accept-certificate", metavar="HOST", action="append", default=[],
                       help="take the certificate HOST shows now for the pinned one")  # fmt: skip

    check.add_argument("--pages", action="store_true",
                       help="read the watched pages now, and ask no upstream")  # fmt: skip

    statement = _command(
        commands, "statement", _statement, "print the statement of your addresses to sign",
        "Sign exactly this text offline, with minisign or with the keys of the addresses, and put "
        "text and signatures into the folder of [statement]. This program holds no key.",
    )  # fmt: skip
    _config_option(statement)

    serve = _command(
        commands, "serve", _serve, "run the service",
        "Serves the hosted page, the widget and its data, and watches the addresses until it is "
        "stopped. Needs no network to start: what is not known yet is said to be so.",
    )  # fmt: skip
    _config_option(serve)
    serve.add_argument("--host", help="listen on this address instead of [server] host")
    serve.add_argument("--port", type=_port, help="listen on this port instead of [server] port")

    totals = _command(
        commands, "totals", _totals, "what came in, per address and together",
        "Received is what gifts brought, and never falls when you spend. It is not the balance.",
    )  # fmt: skip
    _config_option(totals)
    _json_option(totals)

    doctor = _command(
        commands, "doctor", _doctor, "is everything in order, and what to do if not",
        "Looks at the database, makes the ledger anew and compares, and looks at versions, clock, "
        "permissions, room and limits. Writes nothing, asks nobody but the service, and may run "
        "beside it. Exit code 1 when something is in danger.",
    )  # fmt: skip
    _config_option(doctor)
    _json_option(doctor)

    prove = _command(
        commands, "prove", _prove, "print the proof bundle of a gift, or of all of an address",
        "What it prints can be checked by anybody, without this service and without a network: "
        "donations verify. What can be proven is listed on /ledger.",
    )  # fmt: skip
    prove.add_argument("what", metavar="TXID|ADDRESS", help="the transaction, or the address")
    _config_option(prove)

    verify = _command(
        commands, "verify", _verify, "check a proof bundle, without a network",
        "Checks a bundle with nothing but itself and the blocks that come with this program, and "
        "says what it proves and what that rests on. Needs no configuration. Exit code 1 and the "
        "exact reason when it proves nothing.",
    )  # fmt: skip
    verify.add_argument("bundle", metavar="BUNDLE", help="the file, or - for standard input")
    verify.add_argument(
        "--test-network",
        action="store_true",
        help="take a bundle of a private test network too, whose blocks anybody can make",
    )
    _json_option(verify)

    embed = _command(
        commands, "embed", _embed, "print the HTML to paste into a post",
        "The script form carries addresses and QR codes in the page itself, so that a service that "
        "is taken over cannot redirect a gift. The iframe form trusts the service. Needs "
        "public_url in the configuration.",
    )  # fmt: skip
    _config_option(embed)
    embed.add_argument("--form", choices=("script", "compact", "iframe", "both"), default="both",
                       help="which form to print (default: both)")  # fmt: skip
    embed.add_argument(
        "--static",
        action="store_true",
        help="print the whole card, for a site generator to build into a page: "
        "nothing is asked when it is read, and the numbers are those of now",
    )
    _json_option(embed)

    demo = _command(
        commands, "demo", _demo, "see it work, without network",
        "A simulated world on loopback that speaks the real protocols: gifts arrive, confirm, get "
        "replaced and reorged while you watch. Nothing of it is real money.",
    )  # fmt: skip
    demo.add_argument("--host", default="127.0.0.1", help="listen here (default: 127.0.0.1)")
    demo.add_argument("--port", type=_port, default=8080, help="the service (default: 8080)")
    demo.add_argument("--post-port", type=_port, default=8081,
                      help="the sample post (default: 8081)")  # fmt: skip
    demo.add_argument("--speed", type=_speed, default=1.0, help="of the story (default: 1)")
    demo.add_argument("--seed", type=int, default=0, help="the same seed, the same story")
    return parser


def _command(
    commands: Any,
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
    description: str,
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=description
    )
    parser.set_defaults(run=run)
    return parser


def _config_option(parser: argparse.ArgumentParser) -> None:
    where = "default: config.toml in this folder, else $DONATIONS_CONFIG"
    parser.add_argument("--config", type=Path, metavar="FILE", help=where)


def _json_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return int(text)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0.01 <= speed <= 1000:
        raise argparse.ArgumentTypeError("a speed is a number from 0.01 to 1000")
    return speed


# -- the commands


def _init(options: argparse.Namespace) -> int:
    from donations.init import run_init

    result = run_init(options.source, options.output, force=options.force)
    _print(result.as_json() if options.json else result.lines())
    return DONE if result.enabled else INPUT_WRONG


def _check(options: argparse.Namespace) -> int:
    from donations import check
    from donations.own_word import own_word

    config = load(options.config)
    for host in options.accept_certificate:
        forgotten = check.accept_certificate(config, host)
        if not forgotten:
            raise ConfigError(f"no certificate of {host} is pinned", key="--accept-certificate")
        print(f"forgot the certificate of {', '.join(forgotten)}", file=sys.stderr)
    if options.pages:
        return _check_pages(config, options)
    rows = _run(check.check(config))
    word = own_word(config)
    if options.json:
        _print(check.as_json(config, rows) | word.as_json())
    else:
        _print([*check.table(config, rows), *word.lines()])
    return DONE if check.enough(config, rows) and word.good else WORLD_WRONG


def _check_pages(config: Config, options: argparse.Namespace) -> int:
    from donations.own_word import own_word

    if not config.watch.pages:
        raise ConfigError(
            'no page is watched: [watch] pages = ["https://blog.example/a-post"]',
            file=config.path,
            key="watch.pages",
        )
    word = own_word(config, now=True)
    _print(word.as_json() if options.json else word.lines())
    return DONE if word.good else WORLD_WRONG


def _statement(options: argparse.Namespace) -> int:
    from donations.own_word import text_to_sign

    print(text_to_sign(load(options.config)), end="")
    return DONE


def _serve(options: argparse.Namespace) -> int:
    config = load(options.config)
    server = replace(
        config.server,
        host=config.server.host if options.host is None else options.host,
        port=config.server.port if options.port is None else options.port,
    )
    _start_log()
    return _until_stopped(_served(replace(config, server=server)), server.host, server.port)


async def _served(config: Config) -> None:
    from donations.app import running

    async with running(config) as (_, port):
        logging.getLogger("donations").info(
            "serving on http://%s:%s/, watching %s addresses",
            config.server.host, port, len(config.watched),
        )  # fmt: skip
        await asyncio.Event().wait()


def _totals(options: argparse.Namespace) -> int:
    from donations import totals

    config = load(options.config)
    numbers = totals.read_totals(config)
    _print(numbers if options.json else totals.lines(config, numbers))
    return DONE


def _doctor(options: argparse.Namespace) -> int:
    from donations.doctor import examine

    report = examine.examine(load(options.config))
    _print(examine.as_json(report) if options.json else examine.lines(report))
    return DONE if report.ok else WORLD_WRONG


def _prove(options: argparse.Namespace) -> int:
    from donations.showing import print_bundle

    bundle = print_bundle(load(options.config), options.what)
    sys.stdout.write(bundle.decode())
    return DONE


def _verify(options: argparse.Namespace) -> int:
    from donations.bundle import tell
    from donations.bundle.form import MAX_BYTES
    from donations.bundle.verify import verify

    try:
        if options.bundle == "-":
            text = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(options.bundle).open("rb") as file:
                text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=options.bundle) from None
    found = verify(text, now=int(time.time()), test_networks=options.test_network)
    _print(tell.as_json(found) if options.json else tell.lines(found))
    return DONE


def _embed(options: argparse.Namespace) -> int:
    from donations.summary import nothing_known
    from donations.web.assets import load_assets
    from donations.web.embed import embed_frame, embed_script

    config = load(options.config)
    assets = load_assets()
    language = config.language if config.language in assets.locales else "en"
    forms = {}
    if options.static:
        forms["static"] = _static(config, assets, language)
    elif options.form != "iframe":
        forms["script"] = embed_script(
            assets, nothing_known(config, 0).coins, public_url=config.public_url,
            language=language, title=config.title,
            form="compact" if options.form == "compact" else "card",
        )  # fmt: skip
    if not options.static and options.form in ("iframe", "both"):
        forms["iframe"] = embed_frame(
            assets, public_url=config.public_url, language=language, title=config.title
        )
    if options.json:
        _print(forms)
    elif len(forms) == 1:
        _print([*forms.values()])
    else:
        _print([f"<!-- {name} form: paste this -->\n{html}" for name, html in forms.items()])
    return DONE


def _static(config: Config, assets: Assets, language: str) -> str:
    from donations.summary import read_snapshot
    from donations.web.embed import embed_frame
    from donations.web.publisher import Publisher

    # Its error says what is missing; the publisher would show nothing.
    embed_frame(assets, public_url=config.public_url, language=language)
    publisher = Publisher(
        assets, languages=(language,), public_url=config.public_url, zone=config.timezone,
        accent=config.widget.accent,
    )  # fmt: skip
    publisher.publish(read_snapshot(config, int(time.time())))
    form = publisher.find("/static", language)
    return "" if form is None else form.bodies["identity"].decode()


def _demo(options: argparse.Namespace) -> int:
    from donations.demo.show import show

    _start_log(logging.WARNING)
    story = show(
        options.host, options.port, options.post_port, options.speed,
        lambda line: print(line, flush=True), options.seed,
    )  # fmt: skip
    return _until_stopped(story, options.host, options.port)


# -- running


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def _until_stopped(work: Coroutine[Any, Any, None], host: str, port: int) -> int:
    """Run until SIGINT or SIGTERM, which end the work in order; a second one ends it at once."""

    async def guarded() -> None:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, _stop, task, number)
        with suppress(asyncio.CancelledError):
            await task

    try:
        asyncio.run(guarded())
    except OSError as error:
        # asyncio puts a sentence of its own in the place of the system's word.
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else error.strerror or str(error)
        print(f"donations: cannot listen on {host}:{port}: {reason}", file=sys.stderr)
        return WORLD_WRONG
    return DONE


def _stop(task: asyncio.Future[None], number: int) -> None:
    asyncio.get_running_loop().remove_signal_handler(number)
    task.cancel()


def _start_log(level: int = logging.INFO) -> None:
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s")


def _print(text: dict[str, Any] | list[str]) -> None:
    if isinstance(text, dict):
        print(json.dumps(text, indent=2, ensure_ascii=False))
    else:
        print("\n".join(text))
