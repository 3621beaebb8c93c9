"""The map of the package, executed: what may import what, and what may not stand in it at all."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "donations"

# From the bottom up: each file or folder, and all of ours that it may import. Every name in a
# line stands further up, so data and imports go one way.
LAYERS = {
    "reasons": "",
    "errors": "reasons",
    "amounts": "",
    "plain": "",
    "labels": "",
    "toml_lines": "",
    "timer": "",
    "event_loop": "",
    "watchdog": "",
    "png": "",
    "author_token": "",
    "qr": "png",
    "__init__": "",  # the version
    # pure
    "ledger": "errors",
    "proof": "errors ledger",
    "chains": "errors proof",
    "bundle": "amounts chains errors proof",
    "agreement": "errors ledger",
    "signed": "",
    "goals": "",
    "snapshot": "chains goals ledger signed",
    "valuation": "",
    "arrivals": "ledger",
    "listing": "amounts arrivals ledger snapshot",
    "announcements": "amounts ledger",
    # what the author writes
    "public_web": "",
    "seed_words": "errors",
    "secrets": "errors seed_words",
    "books": "amounts ledger secrets valuation",
    "exports": "amounts books ledger valuation",
    "overview": "books ledger valuation",
    "author_facts": "books ledger reasons",
    "config_file": "errors secrets toml_lines",
    "config_pages": "config_file",
    "config_author": "config_file",
    "config_upstreams": "chains config_file",
    "config_prices": "chains config_file",
    "config_chains": "chains config_file config_upstreams errors",
    "config_notify": "announcements config_file public_web",
    "config_words": "config_file",
    "config_goals": "amounts config_file config_words goals valuation",
    "config_widgets": "config_chains config_file config_goals config_pages config_words errors "
    "goals",
    "config": "config_author config_chains config_file config_notify config_pages config_prices "
    "config_widgets config_words errors",
    "gathering": "books config goals ledger",
    "statement": "chains config errors proof signed",
    # the page that is read by init
    "page": "",
    "page_matches": "labels page plain",
    "footer": "chains errors page page_matches plain secrets",
    "fetch": "__init__ errors public_web",
    "init": "chains config config_words errors fetch footer secrets",
    # asking
    "sources": "__init__ chains errors ledger proof reasons",
    # remembering
    "schema": "errors reasons",
    "rows": "amounts ledger",
    "evidence": "amounts ledger proof rows schema",
    "kept_quotes": "rows schema",
    "sums": "amounts books ledger rows schema",
    "picking": "books ledger rows schema",
    "bookkeeping": "amounts books ledger picking rows schema valuation",
    "outbox": "amounts announcements bookkeeping ledger rows schema valuation",
    "records": "evidence ledger",
    "database": "errors reasons schema",
    "store": "amounts announcements bookkeeping books database errors evidence kept_quotes ledger "
    "outbox reasons records rows schema sums valuation",
    # following
    "operators": "errors reasons sources",
    "origins": "chains config ledger operators records sources store",
    "differences": "evidence ledger",
    "lateness": "errors ledger reasons",
    "gate": "ledger",
    "header_keeper": "errors ledger proof sources store",
    "quarantine": "chains errors evidence store",
    "prover": "errors evidence header_keeper ledger operators proof quarantine sources store",
    "coverage": "config ledger operators origins records sources store",
    "unsettled": "ledger records store",
    "journal": "ledger",
    "settling": "agreement books config coverage differences errors evidence gate header_keeper "
    "journal ledger operators origins records sources store unsettled",
    "tracker": "books chains config errors evidence header_keeper lateness ledger operators "
    "prover quarantine records settling sources store",
    "ethereum_levels": "errors evidence ledger proof sources store tracker",
    "retrospect": "errors ledger sources store tracker",
    "attribution": "errors ledger sources store",
    "prices": "amounts books chains config config_prices errors kept_quotes ledger overview "
    "reasons sources store valuation",
    "control": "errors",
    # telling: the web knows snapshots, and no way to ask an upstream or the store
    "web": "amounts arrivals author_facts author_token books errors goals ledger listing overview "
    "png qr reasons secrets signed snapshot valuation",
    "summary": "announcements arrivals books config differences evidence gathering goals ledger "
    "records snapshot store",
    "desk": "author_facts books config gathering ledger outbox overview store summary valuation",
    "faring": "author_facts chains prices tracker",
    "totals": "amounts config ledger quarantine snapshot store summary",
    "annotating": "books config control errors ledger records store",
    "exporting": "books config exports gathering ledger store summary valuation",
    "downloads": "books config exporting",
    "author_side": "books config config_author desk downloads errors faring overview prices "
    "tracker web",
    "totals_by": "books config desk errors exporting exports gathering ledger overview prices web",
    "showing": "bundle chains config errors ledger store",
    "lister": "config errors ledger listing snapshot store summary",
    # telling the author
    "notify": "__init__ amounts announcements config config_author config_notify errors fetch "
    "ledger operators outbox public_web snapshot sources store tracker",
    # looking after it
    "doctor": "amounts books chains config errors ledger proof rows schema",
    "copies": "database doctor errors reasons schema store",
    # the author's pages
    "tamper": "announcements chains config errors fetch page page_matches public_web qr store "
    "summary web",
    "own_word": "config errors statement store tamper web",
    # wiring
    "app": "annotating arrivals attribution author_side books chains config config_notify control "
    "errors ethereum_levels ledger lister listing notify operators prices reasons records "
    "retrospect showing snapshot sources statement store summary tamper timer tracker web",
    "price_check": "config errors prices",
    "explorer_key": "app chains config errors reasons",
    "check": "amounts app chains config errors evidence lateness ledger quarantine reasons "
    "sources store",
    "demo": "amounts app author_token config config_author web",
    "commands": "annotating app author_token books bundle check config config_author copies demo "
    "doctor errors event_loop explorer_key exporting exports init ledger notify own_word "
    "price_check showing store summary totals totals_by valuation watchdog web",
    "cli": "__init__ commands errors secrets",
    "__main__": "cli",
}

# Names for types alone that point up or in a circle, each with its reason.
FOR_TYPES_ONLY = {
    # rows.py turns rows into the records that the store takes and gives.
    ("rows", "records"),
    # A conflict carries the entries that came between.
    ("errors", "books"),
}

# Third-party packages: the files and folders that may name them. There is no other package.
FENCES = {
    "aiohttp": {"demo", "fetch.py", "notify", "public_web.py", "sources", "web"},
    "apprise": {"notify"},
    "apscheduler": {"timer.py"},
    "babel": {"config.py", "valuation.py", "web"},
    "bit": {"chains"},
    "brotli": {"web"},
    "coincurve": {"statement"},
    "Crypto": {"statement"},
    "eth_hash": {"chains", "proof", "statement"},
    "eth_utils": {"demo"},
    "qrcode": {"qr.py"},
    "requests": {"notify"},
    "sqlalchemy": {
        "bookkeeping.py",
        "database.py",
        "picking.py",
        "evidence.py",
        "kept_quotes.py",
        "outbox.py",
        "rows.py",
        "schema.py",
        "store.py",
        "sums.py",
    },
    "web3": {"sources"},
}

# Makers of private keys, and of signatures. `Account` alone is a word of ours.
KEY_MAKERS = re.compile(
    r"\b(PrivateKey\w*|from_key|from_mnemonic|sign_transaction|sign_message|send_transaction"
    r"|send_raw_transaction|eth_keys|eth_keyfile|coincurve|bit\.(Key|wallet|network)"
    r"|from bit import|Account\.create)\b"
)

# The one file that may name the library of keys, and all of it that it may name: what makes a
# public key of a signature, and what compares a signature with a public key.
RECOVERY = "statement/recovery.py"
RECOVERS = {
    "PublicKey": {"from_signature_and_message", "format", "verify"},
    "PublicKeyXOnly": {"verify"},
}

# Where money passes: no number here may have a fraction.
MONEY = (
    "amounts.py",
    "ledger.py",
    "agreement.py",
    "snapshot.py",
    "goals.py",
    "gathering.py",
    "config_goals.py",
    "listing.py",
    "store.py",
    "rows.py",
    "sums.py",
    "valuation.py",
    "books.py",
    "bookkeeping.py",
    "evidence.py",
    "totals.py",
    "summary.py",
    "doctor/books.py",
    "exports/line.py",
    "exports/movement.py",
    "exports/beancount.py",
    "exports/hledger.py",
    "exports/csv_form.py",
    "exports/json_form.py",
    "exports/summary.py",
    "exports/document.py",
    "exports/render.py",
    "exporting.py",
    "totals_by.py",
    "proof/transaction.py",
    "bundle/form.py",
    "bundle/verify.py",
    "sources/electrum_history.py",
    "sources/esplora_answers.py",
    "sources/haskoin_answers.py",
    "sources/utxo_json.py",
    "sources/ethereum_account.py",
    "sources/ethereum_explain.py",
    "sources/ethereum_tokens.py",
    "sources/etherscan_answers.py",
    "sources/ethereum_past.py",
    "attribution.py",
    "kept_quotes.py",
    "prices/quote.py",
    "prices/candles.py",
    "prices/consensus.py",
    "prices/rates.py",
    "prices/market.py",
    "prices/memory.py",
    "prices/appraiser.py",
    "prices/today.py",
    "prices/own_file.py",
    "prices/kraken.py",
    "prices/coinbase.py",
    "prices/bitstamp.py",
    "prices/ecb.py",
)
# Text to float, and what it is of.
FLOATS = {
    "commands/base.py": "the speed of the demo",
    "sources/transport.py": "seconds of Retry-After",
    "web/letters.py": "points of the drawn letters",
    "web/prepared.py": "q values of Accept-Encoding",
}

LONG_FILES = {
    "app.py": "everything is wired in one place, and stopped in the reverse order",
    "chains/milestones.py": "hashes of blocks, one a line",
    "ledger.py": "the table of states and all laws of money in one place, on purpose",
    "schema.py": "all tables, and the steps that led to them",
    "settling.py": "every way in which a ledger changes, one turn at a time",
    "store.py": "every statement that touches the database",
    "sources/electrum.py": "the whole conversation about one address",
    "sources/ethereum.py": "the certified search and its cursor, which must be read together",
    "sources/ethereum_tokens.py": "the same for the logs of tokens",
}

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"}


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def dotted(path: Path) -> str:
    """The module that a file of ours is."""
    return f"donations.{name(path).removesuffix('.py').replace('/', '.')}"


def place(module: str) -> str:
    """The line of LAYERS that a module of ours belongs to: its folder, else its file."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


@cache
def imported(path: Path) -> tuple[tuple[str, bool], ...]:
    """(module, for types only) of each import of a file, wherever in it the import stands."""
    found: list[tuple[str, bool]] = []

    def visit(node: ast.AST, types: bool) -> None:
        match node:
            case ast.Import():
                found.extend((alias.name, types) for alias in node.names)
            case ast.ImportFrom():
                assert node.level == 0, f"{name(path)}:{node.lineno}: a relative import"
                found.extend((full(node.module or "", alias.name), types) for alias in node.names)
            case ast.Call(
                func=ast.Name(id="import_module"), args=[ast.Constant(value=str(module))]
            ):
                found.append((module, types))
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                for inside in node.body:
                    visit(inside, True)
                return
        for child in ast.iter_child_nodes(node):
            visit(child, types)

    visit(ast.parse(path.read_text(encoding="utf-8")), False)
    return tuple(found)


def full(module: str, member: str) -> str:
    """``from a import b`` names the module a.b where there is such a file, else a."""
    inside = ROOT.joinpath(*module.split("."), member)
    return f"{module}.{member}" if inside.is_dir() or inside.with_suffix(".py").exists() else module


def ours(path: Path) -> dict[str, bool]:
    """What a file takes of ours: module -> whether for types only."""
    taken: dict[str, bool] = {}
    for module, types in imported(path):
        if module.split(".")[0] == "donations":
            taken[module] = types and taken.get(module, True)
    return taken


def test_every_file_has_its_layer() -> None:
    """A new file or folder is put on the map before it is used."""
    assert {place(dotted(path)) for path in files()} <= set(LAYERS)


def test_the_map_goes_one_way() -> None:
    """Every line of the map names only what stands above it."""
    above: set[str] = set()
    for layer, taken in LAYERS.items():
        assert set(taken.split()) <= above, layer
        above.add(layer)


def test_imports_are_those_of_the_map() -> None:
    """Each file or folder imports, for types too, only what its line says."""
    for path in files():
        here = place(dotted(path))
        for module, types in ours(path).items():
            there = place(module)
            allowed = {here, *LAYERS[here].split()}
            excused = types and (here, there) in FOR_TYPES_ONLY
            assert there in allowed or excused, f"{name(path)} imports {module}"


def test_upward_names_for_types_are_needed() -> None:
    """An exception that nobody needs any more is struck off."""
    used = {
        (place(dotted(path)), place(module))
        for path in files()
        for module, types in ours(path).items()
        if types
    }
    assert used >= FOR_TYPES_ONLY


def test_no_folder_imports_in_circles() -> None:
    """Inside a folder, too, imports form no circle; names for types alone may."""
    graph = {}
    for path in files():
        module = dotted(path).removesuffix(".__init__")
        graph[module] = [taken for taken, types in ours(path).items() if not types]
    done: set[str] = set()

    def walk(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join([*trail, module])
        if module not in done:
            for following in graph[module]:
                walk(following, (*trail, module))
            done.add(module)

    for module in graph:
        walk(module, ())


def test_the_world_of_the_demo_knows_nothing_of_the_product() -> None:
    """The simulated world is a judge, so it may share no code with what it judges."""
    for path in (PACKAGE / "demo").glob("*.py"):
        if path.name != "show.py":
            strangers = {m for m in ours(path) if place(m) != "demo"} - {"donations.amounts"}
            assert not strangers, path.name


def test_third_party_packages_stay_behind_their_fences() -> None:
    """Each package is named in the files and folders of its fence alone; no other package is."""
    for path in files():
        for module, _ in imported(path):
            package = module.split(".")[0]
            if package != "donations" and package not in sys.stdlib_module_names:
                where = name(path).split("/")[0]
                assert where in FENCES.get(package, ()), f"{name(path)} imports {module}"


def test_the_server_of_aiohttp_is_for_those_who_serve() -> None:
    """`aiohttp.web` stands in web/ and demo/; the client stands with those who ask."""
    serving = {
        name(path)
        for path in files()
        if re.search(r"from aiohttp import .*\bweb\b|aiohttp\.(web|typedefs)\b", path.read_text())
    }
    assert {file.split("/")[0] for file in serving} <= {"web", "demo"}
    asking = {name(path) for path in files() if "ClientSession" in path.read_text()}
    assert asking == {
        "fetch.py",
        "notify/webhook.py",
        "sources/ethereum_rpc.py",
        "sources/rest.py",
        "sources/transport.py",
    }


def test_no_key_is_ever_made() -> None:
    """Nothing that makes a private key or a signature is named in the package."""
    for path in files():
        text = path.read_text(encoding="utf-8")
        if name(path) == RECOVERY:
            text = text.replace("from coincurve import PublicKey, PublicKeyXOnly\n", "")
        found = KEY_MAKERS.search(text)
        assert found is None, f"{name(path)}: {found and found[0]}"


def test_signatures_are_only_read() -> None:
    """Of the library of keys one file takes two classes, and of those only what judges."""
    path = PACKAGE / RECOVERY
    tree = ast.parse(path.read_text(encoding="utf-8"))
    taken = {module for module, _ in imported(path)} - {"__future__"}
    assert taken == {"coincurve"}
    called = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    assert called <= set().union(*RECOVERS.values())
    names = {
        alias.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for alias in n.names
    }
    assert names - {"annotations"} == set(RECOVERS)
    others = {name(p) for p in files() for module, _ in imported(p) if module == "coincurve"}
    assert others == {RECOVERY}


def test_ed25519_is_only_verified() -> None:
    """Of the library of Ed25519 one file takes public keys and the check of signatures."""
    users = {name(p) for p in files() for m, _ in imported(p) if m.split(".")[0] == "Crypto"}
    assert users == {"statement/bitcoin_message.py", "statement/minisign.py"}
    text = (PACKAGE / "statement/minisign.py").read_text(encoding="utf-8")
    assert set(re.findall(r"eddsa\.(\w+)", text)) == {"import_public_key", "new"}
    assert not re.search(r"\.(sign|generate|import_private_key|construct)\(", text)


@pytest.mark.parametrize(
    "line",
    [
        "from bit import Key",
        "bit.Key()",
        "PrivateKeyTestnet(x)",
        "Account.create()",
        "eth_account.Account.from_key(x)",
        "import coincurve",
        "await w3.eth.send_raw_transaction(x)",
    ],
)
def test_the_ban_of_keys_bites(line: str) -> None:
    """The pattern above finds each way to a key."""
    assert KEY_MAKERS.search(line)


def test_money_is_never_a_float() -> None:
    """Where money passes there is no float, no number with a fraction and no true division."""
    for file in MONEY:
        for node in ast.walk(ast.parse((PACKAGE / file).read_text(encoding="utf-8"))):
            broken = (
                (isinstance(node, ast.Constant) and isinstance(node.value, float))
                or (isinstance(node, ast.Name) and node.id in ("float", "Decimal"))
                or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div))
            )
            assert not broken, f"{file}: {ast.unparse(node)}"


def test_text_becomes_a_float_only_where_listed() -> None:
    """`float(...)` reads times and speeds, each of them listed."""
    found = {name(path) for path in files() if re.search(r"\bfloat\(", path.read_text())}
    assert found <= set(FLOATS)


def test_files_are_small() -> None:
    """No file has more than 300 lines without a reason, and the median is about 100."""
    lengths = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files()}
    assert {file for file, length in lengths.items() if length > 300} <= set(LONG_FILES)
    assert set(LONG_FILES) <= set(lengths)
    assert sorted(lengths.values())[len(lengths) // 2] <= 120


def test_names_say_what_is_inside() -> None:
    """No file or folder has a name under which anything could be put."""
    for path in (ROOT / "donations", ROOT / "tests", ROOT / "widget"):
        for each in path.rglob("*"):
            assert each.stem.removeprefix("test_") not in FORBIDDEN_NAMES, each


def test_the_command_starts_light() -> None:
    """Parsing the command line loads no web3, SQLAlchemy, bit or aiohttp."""
    code = "import json, sys, donations.cli; print(json.dumps(sorted(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    loaded = set(json.loads(told.stdout))
    assert not loaded & {"web3", "sqlalchemy", "bit", "aiohttp", "apscheduler", "qrcode"}
