"""The configuration: what is right loads, what is wrong is told with file, line and key."""

from __future__ import annotations

import random
import re
import tomllib
import traceback
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from donations.chains import CHAINS
from donations.chains.base import Protocol
from donations.config import Config, Watched, load, parse
from donations.errors import ConfigError, InvalidAddress, SecretPasted
from donations.toml_lines import key_lines
from tests.chains.vectors import BCH, BCH_LEGACY, BTC, ETH
from tests.secret_material import bare_hex, pieces, secrets_of

EXAMPLE = Path(__file__).parent.parent / "config.example.toml"
FILE = Path("/etc/donations/config.toml")
SEED = 20260205
ONE = f'[addresses]\nbtc = "{BTC}"\n'
TAPROOT = "bc1p83n3au0rjylefxq2nc2xh2y4jzz4pm6zxj4mw5pagdjjr2a9f36s6jjnnu"
REGTEST = "bcrt1qdavt4j2sd7dlhqsavtnfxvzppw6k7qy97tmnu9"


def read(text: str, **environment: str) -> Config:
    return parse(text, FILE, environment)


def refused(text: str, **environment: str) -> ConfigError:
    with pytest.raises(ConfigError) as error:
        read(text, **environment)
    assert error.value.file is not None
    return error.value


def test_three_lines_are_enough() -> None:
    """Addresses alone make a whole configuration, with every default."""
    config = read(f'[addresses]\nbtc="{BTC}"\nbch="{BCH[12:]}"\neth="{ETH.lower()}"\n')
    assert config.watched == (Watched("btc", BTC), Watched("bch", BCH), Watched("eth", ETH))
    assert (config.language, config.currency, config.timezone) == ("en", "EUR", UTC)
    assert (config.poll_seconds, config.grace_seconds) == (60, 1200)
    assert (config.server.host, config.server.port) == ("127.0.0.1", 8080)
    assert config.database == FILE.parent / "donations.sqlite3"
    assert (config.public_url, config.widget.goal, config.widget.accent) == (None, None, None)
    for name, settings in config.chains.items():
        assert settings.upstreams == CHAINS[name].upstreams
        assert settings.agree == 2
        assert settings.confirmations == CHAINS[name].confirmations
        assert settings.tokens == ()


def test_the_example_loads() -> None:
    """config.example.toml loads as it is and watches the three addresses of the footer."""
    config = load(EXAMPLE)
    assert [watched.address for watched in config.watched] == [BTC, BCH, ETH]
    assert config.timezone == ZoneInfo("Europe/Paris")


# Known to every chain, so that it can be refused in a sentence of its own.
OTHERS = {
    ("[chains.btc]", "tokens"),
    ("[chains.btc]", "explorer"),
    ("[chains.eth]", "confirmations"),
    ("[chains.eth]", "proofs"),
}


@pytest.mark.parametrize(
    "table",
    [
        "",
        "[addresses]",
        "[server]",
        "[widget]",
        "[prices]",
        "[watch]",
        "[statement]",
        "[chains.btc]",
        "[chains.eth]",
    ],
)
def test_the_example_shows_every_key(table: str) -> None:
    """Each key that a table knows stands in that table's part of the example."""
    known = refused(
        f"{ONE if 'addr' not in table else ''}{table}\nzzzz = 1" if table else "zzzz = 1"
    )
    _, _, keys = known.reason.partition("known here: ")
    text = EXAMPLE.read_text("utf-8")
    part = text.partition(f"\n{table}\n")[2].partition("\n[")[0] if table else text
    for key in keys.split(", "):
        assert re.search(rf"(?m)^(?:# )?\[{{0,2}}{key}\b", part) or (table, key) in OTHERS, key


def test_the_examples_behind_comment_signs_load() -> None:
    """What the example shows behind a "#" loads when the sign is taken away."""
    text = EXAMPLE.read_text("utf-8").replace("\ntokens = []", "")
    text = re.sub(r"(?m)^# (?=(?:public_url|goal|accent|tokens|network) = )", "", text)
    text = re.sub(r'(?m)^network = "mainnet"$|^network = .*(?:0f91\.\.\.|31337).*$', "", text)
    config = read(text)
    assert config.public_url == "https://donations.example.org"
    assert config.widget.goal is not None
    assert config.widget.goal.target == 50_000
    assert [token.symbol for token in config.chains["eth"].tokens] == ["USDC", "PYUSD"]


def test_lists_and_own_nodes() -> None:
    """A value may be a list, an upstream one line or a table, and secrets come from outside."""
    config = read(
        f'[addresses]\nbtc = ["{BTC}", "{TAPROOT.upper()}"]\neth = {{ env = "MINE" }}\n'
        '[chains.btc]\nupstreams = ["ssl://a.example:50002", '
        '{ url = "tcp://127.0.0.1:50001", operator = "me" }]\n'
        '[chains.eth]\nupstreams = { url = { env = "RPC" }, operator = "paid" }\n',
        MINE=ETH,
        RPC="https://rpc.example/key0123",
    )
    assert config.chains["btc"].addresses == (BTC, TAPROOT)
    assert [one.operator for one in config.chains["btc"].upstreams] == ["a.example", "me"]
    assert config.chains["btc"].agree == 2
    assert config.chains["eth"].upstreams[0].url == "https://rpc.example/key0123"
    assert config.chains["eth"].agree == 1


def test_the_scheme_tells_what_an_upstream_speaks() -> None:
    """On BTC an https URL is an Esplora, on BCH a Haskoin Store, elsewhere the chain's own; the
    explorer of a known operator is no second opinion."""
    assert CHAINS["btc"].protocol_of("https://a.example/api") is Protocol.ESPLORA
    assert CHAINS["bch"].protocol_of("https://a.example/bch") is Protocol.HASKOIN
    assert CHAINS["btc"].protocol_of("ssl://a.example:1") is Protocol.ELECTRUM
    assert CHAINS["eth"].protocol_of("https://a.example") is Protocol.ETHEREUM
    listed = '"https://blockstream.info/api", "ssl://electrum.blockstream.info:50002"'
    settings = read(f"{ONE}[chains.btc]\nupstreams = [{listed}]\n").chains["btc"]
    assert (settings.operators, settings.agree) == (frozenset({"blockstream.info"}), 1)


def test_the_key_of_an_explorer_is_a_secret() -> None:
    """It comes from the environment, shows nowhere, and travels encrypted."""
    eth = f'[addresses]\neth = "{ETH}"\n[chains.eth]\n'
    config = read(f'{eth}explorer = {{ key = {{ env = "MINE" }} }}', MINE="hunter2")
    explorer = config.chains["eth"].explorer
    assert explorer is not None
    assert (explorer.kind, explorer.key) == ("etherscan", "hunter2")
    assert explorer.url == "https://api.etherscan.io/v2/api"
    assert "hunter2" not in repr(config)
    other = read(f'{eth}explorer = {{ kind = "blockscout", key = "hunter2" }}').chains["eth"]
    assert other.explorer is not None
    assert other.explorer.url == "https://api.blockscout.com/1/api"
    for url in ("http://a.example/api", "https://hunter2@a.example", "https://a/?k=hunter2", "x"):
        error = refused(f'{eth}explorer = {{ key = "hunter2", url = "{url}" }}')
        assert "hunter2" not in "".join(traceback.format_exception(error))
    assert "your own key" in refused(f"{eth}explorer = {{ }}").reason
    assert "known: etherscan" in refused(f'{eth}explorer = {{ kind = "x", key = "y" }}').reason
    wrong = refused(f'{ONE}[chains.btc]\nexplorer = {{ key = "y" }}')
    assert "write its URL into upstreams" in wrong.reason


def test_hosts_of_one_operator_are_one() -> None:
    """Two hosts of a known operator, or two ports of one host, are one opinion."""
    urls = ("blockstream.info:700", "electrum.blockstream.info:50002")
    for pair in (urls, ("a.example:1", "a.example:2")):
        listed = ", ".join(f'"ssl://{host}"' for host in pair)
        settings = read(f"{ONE}[chains.btc]\nupstreams = [{listed}]\n").chains["btc"]
        assert (len(settings.operators), settings.agree) == (1, 1)


def test_private_networks_are_data() -> None:
    """A network is chosen by name, and its first block and chain number can be given."""
    genesis = "ab" * 32
    config = read(
        f'[addresses]\nbtc = "{REGTEST}"\neth = "{ETH}"\n'
        f'[chains.btc]\nnetwork = {{ name = "regtest", genesis = "{genesis}" }}\n'
        'upstreams = "tcp://127.0.0.1:50001"\n'
        '[chains.eth]\nnetwork = { name = "private", chain_id = 1234 }\n'
        'upstreams = "http://127.0.0.1:8545"\n'
    )
    assert config.chains["btc"].network.genesis == genesis
    assert config.chains["btc"].network.landmark is None
    assert config.chains["eth"].network.chain_id == 1234


ACUTE = "a\u0301"
SENTENCES = [
    ('titel = "x"\n' + ONE, 1, "titel", "did you mean title?"),
    ("\n[addresses]\nbtx = 1", 3, "addresses.btx", "did you mean btc?"),
    (ONE + "[chains.btc]\n\nupstream = []", 5, "chains.btc.upstream", "did you mean upstreams?"),
    (ONE + "[chains.doge]", 3, "chains.doge", "known here: btc, bch, eth"),
    (f'[addresses]\n\nbtc = "{BTC[:-1]}g"', 3, "addresses.btc", "the checksum is wrong"),
    (f'[addresses]\nbtc = "{BCH}"', 2, "addresses.btc", "this is a Bitcoin Cash address"),
    (f'[addresses]\nbtc = "{REGTEST}"', 2, "addresses.btc", "a Bitcoin regtest address"),
    (f'[addresses]\nbtc = ["{BTC}",\n"{BTC}"]', 3, "addresses.btc[1]", "the same address as"),
    (f'[addresses]\nbch = ["{BCH}",\n"{BCH_LEGACY}"]', 3, "addresses.bch[1]", "another spelling"),
    (f'[addresses]\neth = ["{ETH}",\n"{ETH.lower()}"]', 3, "addresses.eth[1]", "another spelling"),
    (f'[addresses]\nbtc = ["{TAPROOT}",\n"{TAPROOT.upper()}"]', 3, "addresses.btc[1]", "spelling"),
    ("[addresses]\nbtc = 1", 2, "addresses.btc", "a number stands where a text is expected"),
    ("[addresses]\nbtc = []", 2, "addresses.btc", "leave the key out"),
    ('[addresses]\nbtc = " "', 2, "addresses.btc", "empty"),
    ("[addresses]", 1, "addresses", "at least one address is needed"),
    ("", None, "addresses", "at least one address is needed"),
    ('[addresses]\neth = { env = "NOT_THERE" }', 2, "addresses.eth", "NOT_THERE is not set"),
    ("poll_seconds = 14\n" + ONE, 1, "poll_seconds", "from 15 to 300"),
    ("poll_seconds = true\n" + ONE, 1, "poll_seconds", "true or false stands"),
    ("grace_seconds = 1.5\n" + ONE, 1, "grace_seconds", "a number with a fraction"),
    ('timezone = "Europe/Pariss"\n' + ONE, 1, "timezone", "did you mean Europe/Paris?"),
    ('public_url = "http://a.example"\n' + ONE, 1, "public_url", "https"),
    ('database = "postgresql://x"\n' + ONE, 1, "database", "give its path"),
    (ONE + "[server]\nport = 70000", 4, "server.port", "from 1 to 65535"),
    (ONE + '[server]\ntrusted_proxies = ["x"]', 4, "server.trusted_proxies[0]", "IP address"),
    (ONE + '[widget]\ngoal = { amount = "1", asset = "ETH" }', 4, "widget.goal.asset", "BTC"),
    (ONE + '[widget]\ngoal = { amount = "1e3", asset = "BTC" }', 4, "widget.goal.amount", "digits"),
    (ONE + '[chains.btc]\nnetwork = "regtets"', 4, "chains.btc.network", "known: mainnet"),
    (ONE + '[chains.btc]\nnetwork = "testnet"', 4, "chains.btc.network", "needs upstreams"),
    (ONE + "[chains.btc]\nagree = 9", 4, "chains.btc.agree", "cannot agree"),
    (ONE + "[chains.eth]\nconfirmations = 9", 4, "chains.eth.confirmations", "its own"),
    (ONE + '[chains.btc]\nupstreams = [\n"ssl://a"]', 5, "chains.btc.upstreams[0]", "no port"),
    (ONE + '[chains.btc]\nupstreams = "wss://a:1"', 4, "chains.btc.upstreams", "ssl or tcp"),
    (ONE + '[chains.btc]\nupstreams = "https://a?k=1"', 4, "chains.btc.upstreams", "and path"),
    (ONE + '[chains.btc]\nupstreams = "http://a.example"', 4, "chains.btc.upstreams", "use https"),
    (ONE + '[chains.eth]\nupstreams = "http://a.example"', 4, "chains.eth.upstreams", "use https"),
    (ONE + '[chains.eth]\ntokens = ["XYZ"]', 4, "chains.eth.tokens[0]", "known: USDC"),
    (ONE + '[chains.eth]\ntokens = ["DAI",\n"DAI"]', 5, "chains.eth.tokens[1]", "two assets"),
    ('currency = "EUT"\n' + ONE, 1, "currency", "did you mean"),
    ('currency = "ZZZ"\n' + ONE, 1, "currency", "no currency ZZZ"),
    # It would be taken for the coin, and valued as one.
    (ONE + '[chains.eth]\ntokens = [{ symbol = "BTC", decimals = 8, '
     'contract = "0x2260FAC5E5542a773Aa44fBCfeDf7C193bc2C599" }]', 4, "chains.eth.tokens[0]",
     "two assets"),
    ("[addresses\n" + ONE, 1, None, "not valid TOML"),
    (ONE + "title = ", 3, None, "not valid TOML"),
    (f'title = "Dons : {"Dampfschiff" * 3}"\n' + ONE, 1, "title", "by a hyphen"),
    (f'title = "{"é" * 25}{ACUTE * 26}"\n' + ONE, 1, "title", "26 or more"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "key", "reason"), SENTENCES)
def test_errors_name_line_key_and_reason(
    text: str, line: int | None, key: str | None, reason: str
) -> None:
    """Every refusal says in which file, on which line, at which key and why."""
    error = refused(text)
    assert error.reason.find(reason) >= 0, error.reason
    if reason not in ("its own",):
        assert (error.file, error.line, error.key) == (FILE, line, key)


def test_wrong_addresses_are_invalid_addresses() -> None:
    """A wrong address is told apart from other errors of the file."""
    assert isinstance(refused(f'[addresses]\nbtc = "{ETH}"'), InvalidAddress)


def test_urls_are_never_repeated() -> None:
    """No error about an upstream repeats the user, the password or the key in its URL."""
    urls = ["https://user:hunter2@a.example", "ssl://hunter2", "ssl://a:hunter2"]
    urls += ["ssl://hunter2@a:1", "gopher://hunter2", "ssl://[hunter2", "ssl://a:1/hunter2"]
    for url in urls:
        error = refused(f'{ONE}[chains.btc]\nupstreams = "{url}"')
        assert "hunter2" not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_other_encodings_are_told(tmp_path: Path, encoding: str) -> None:
    """A file that is not UTF-8 is refused in a sentence; a byte order mark is accepted."""
    file = tmp_path / "config.toml"
    file.write_bytes(f'title = "é"\n{ONE}'.encode(encoding))
    with pytest.raises(ConfigError, match=r"UTF-8|TOML"):
        load(file)
    file.write_bytes(ONE.replace("\n", "\r\n").encode("utf-8-sig"))
    assert load(file).watched == (Watched("btc", BTC),)


def test_unreadable_files_are_told(tmp_path: Path) -> None:
    """A missing file, a folder and a huge file are refused in a sentence that names them."""
    huge = tmp_path / "huge.toml"
    huge.write_bytes(b"#" * (2 << 20))
    for path in (tmp_path / "missing.toml", tmp_path, huge):
        with pytest.raises(ConfigError, match=re.escape(str(path))):
            load(path)


def test_where_the_file_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The given path, else config.toml of the folder, else the file of the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DONATIONS_CONFIG", raising=False)
    with pytest.raises(ConfigError, match="donations init"):
        load()
    other = tmp_path / "other.toml"
    other.write_text('title = "other"\n' + ONE)
    monkeypatch.setenv("DONATIONS_CONFIG", str(other))
    assert load().title == "other"
    (tmp_path / "config.toml").write_text('title = "here"\n' + ONE)
    assert load().title == "here"
    assert load(other).title == "other"


def test_secrets_are_refused_anywhere() -> None:
    """Key material in a value, a comment, a key or the environment is refused and not repeated."""
    for number, secret in enumerate(secrets_of(SEED, 400)):
        quoted = "'''" + secret + "'''"
        escaped = '"' + "".join(f"\\u{ord(character):04x}" for character in secret) + '"'
        texts = (
            f"[addresses]\nbtc = {quoted}",
            f"{ONE}title = {escaped}",
            f"# {secret}\n{ONE}",
            f"{ONE}{escaped} = 1",
            f"{ONE}[chains.btc]\nupstreams = [{{ url = {escaped} }}]",
            '[addresses]\nbtc = { env = "MINE" }',
        )
        error = refused(texts[number % len(texts)], MINE=secret)
        assert isinstance(error, SecretPasted), f"seed {SEED}, number {number}"
        told = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
        assert not any(piece in told for piece in pieces(secret)), f"seed {SEED}, number {number}"


def test_hexadecimal_keys_are_refused_where_a_text_is_expected() -> None:
    """64 digits as address, title or key are refused; as a first block they are one."""
    rng = random.Random(SEED)
    for place in ('[addresses]\neth = "{}"', 'title = "{}"\n' + ONE, ONE + '"{}" = 1'):
        digits = bare_hex(rng)
        error = refused(place.format(digits))
        assert isinstance(error, SecretPasted)
        assert digits[2:] not in str(error)


def test_mutated_files_are_read_or_refused() -> None:
    """3,000 damaged copies of a full file load, or are refused as ConfigError naming the file."""
    rng = random.Random(SEED)
    text = EXAMPLE.read_text("utf-8") + '\n[extra]\n"é" = [1, {a = 2}, """x\n"y""", 1979-05-27]\n'
    text = re.sub(r"(?m)^#.*\n", "", text)
    alphabet = "\"'[]{}=.,#\n\\ \t0aé\x00\u2028"
    for number in range(3_000):
        damaged = text
        for _ in range(rng.choice([1, 1, 1, 2, 5])):
            start = rng.randrange(len(damaged))
            end = start + rng.choice([0, 1, 1, 3, 40])
            damaged = damaged[:start] + rng.choice(["", *alphabet]) + damaged[end:]
        try:
            read(damaged)
        except ConfigError as error:
            told = error.file == FILE and (error.line is not None or error.key is not None)
            if not told:
                pytest.fail(f"seed {SEED}, number {number}: {error}")


def test_mutated_values_are_told_at_their_key() -> None:
    """Any value replaced by one of another type is refused at its own key and line."""
    text = EXAMPLE.read_text("utf-8")
    lines = text.split("\n")
    table = ""
    for number, line in enumerate(lines, 1):
        if line.startswith("["):
            table = line.strip("[]") + "."
        match = re.match(r"([a-z_]+) = ", line)
        if match is None:
            continue
        logical = "-1" if line.endswith((" = true", " = false")) else "true"
        for value in ("1979-05-27", "-1", logical, "[[]]", "{ x = 1 }", "nan"):
            damaged = [*lines[: number - 1], f"{match.group(1)} = {value}", *lines[number:]]
            error = refused("\n".join(damaged))
            assert (error.line, (error.key or "").split("[")[0].removesuffix(".x")) == (
                number, table + match.group(1),
            ), str(error)  # fmt: skip


def test_key_lines_in_every_form_of_toml() -> None:
    """Each key is found on its line, whatever quotes, brackets and comments stand before it."""
    text = (
        'a = 1\n"b.c" = { d = [\n 1,\n { e = "]" } ] }\n[x . "y"]\nf = """\n[no]\n\\""" """\n'
        "[[z]]\ng = 1\n[[z]]\ng = '''\n#'''\nh.i = 2 # c = 3\nj = [ # k = 1\n2]\n"
    )
    tomllib.loads(text)
    assert key_lines(text) == {
        ("a",): 1,
        ("b.c",): 2,
        ("b.c", "d"): 2,
        ("b.c", "d", 0): 3,
        ("b.c", "d", 1): 4,
        ("b.c", "d", 1, "e"): 4,
        ("x", "y"): 5,
        ("x", "y", "f"): 6,
        ("z",): 9,
        ("z", 0): 9,
        ("z", 0, "g"): 10,
        ("z", 1): 11,
        ("z", 1, "g"): 12,
        ("z", 1, "h", "i"): 14,
        ("z", 1, "j"): 15,
        ("z", 1, "j", 0): 16,
    }
