"""[[notify]]: what is wrong is named with its place and its cure, and no secret is ever shown."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from donations import outbox
from donations.announcements import Announcement, Type
from donations.app import running
from donations.config import Config, parse
from donations.config_notify import LANGUAGES, Way
from donations.demo.world import World
from donations.errors import ConfigError
from donations.notify.message import of_events
from donations.notify.words import tell, tell_many
from donations.outbox import Event
from tests.notify.receiver import SECRET
from tests.running import config_on, free_port, scene, until

if TYPE_CHECKING:
    from collections.abc import Mapping

ADDRESS = '[addresses]\nbtc = "1BuyJKZLeEG5YkpbGn4QhtNTxhUqtpEGKf"\n'
HOOK = f'kind = "webhook"\nurl = "https://hooks.example/in"\nsecret = "{SECRET}"\n'
MAIL = 'kind = "email"\nurl = "smtp://mail.example"\nfrom = "a@b.example"\nto = "c@d.example"\n'
WORD = "qwertzuiopasdfghjklyxcvbnm"
EVENT = Announcement(Type.FINE, "page", 1, {"url": "u"})


def read(*channels: str, head: str = "", environment: Mapping[str, str] | None = None) -> Config:
    """The configuration with these channels."""
    text = head + ADDRESS + "".join(f"[[notify]]\n{channel}\n" for channel in channels)
    return parse(text, Path("config.toml"), environment or {})


def test_little_is_needed() -> None:
    """A channel has a name, a language and events of its own, and good ones without a word."""
    hook, mail, feed = read(
        HOOK, MAIL, f'kind = "atom"\nsecret = "{WORD}"', head='language = "fr"\n'
    ).notify
    assert (hook.name, hook.way, hook.language) == ("webhook", Way.WEBHOOK, "fr")
    assert {Type.TEST, Type.DIGEST} == set(Type) - hook.events == set(Type) - feed.events
    assert mail.events == {
        Type.CONFIRMED, Type.GOAL, Type.SILENT, Type.BACK, Type.TAMPERED, Type.FINE
    }  # fmt: skip
    assert read(MAIL, head='language = "pl"\n').notify[0].language == "en"


@pytest.mark.parametrize(
    ("channel", "key", "words"),
    [
        ('kind = "pigeon"', "kind", "webhook, email, apprise, atom"),
        ("", "kind", "webhook, email"),
        ('kind = "webhook"\nurl = "https://a.example"', "", "needs secret"),
        ('kind = "email"\nurl = "smtp://a.example"\nto = "c@d.example"', "", "needs from"),
        (HOOK + 'to = "me@b.example"', "to", "has no such key"),
        (HOOK + 'evnets = ["gift.seen"]', "evnets", "did you mean events"),
        (HOOK + 'events = ["gift.sene"]', "events[0]", "gift.seen"),
        (HOOK + "events = []", "events", "nothing is ever sent"),
        (HOOK + 'events = ["test"]', "events[0]", "there are these"),
        (HOOK + 'language = "de"', "language", "en and fr"),
        (HOOK + 'name = "a\\nb"', "name", "plain letters"),
        (HOOK.replace("https://hooks", "http://hooks"), "url", "https, please"),
        (HOOK.replace("https://hooks.example", "http://8.8.8.8"), "url", "https, please"),
        (HOOK.replace("https://hooks.example", "http://127.1.example"), "url", "https, please"),
        (HOOK.replace("https:", "ftp:"), "url", "write it as https"),
        (HOOK.replace("hooks.example", "me:hidden@hooks.example"), "url", "before @"),
        (HOOK.replace("/in", "/in#hidden"), "url", "before @"),
        (HOOK.replace("hooks.example", "hooks.example:99999"), "url", "not a URL"),
        (HOOK.replace("/in", "/i n"), "url", "belongs in none"),
        (HOOK.replace("whsec_", "hidden_"), "secret", "openssl rand"),
        (HOOK.replace(SECRET, "whsec_aGlkZGVu"), "secret", "24 to 64"),
        (HOOK.replace(f'"{SECRET}"', f'["{SECRET}", "{SECRET}", "{SECRET}"]'), "secret", "two"),
        (MAIL.replace("smtp:", "http:"), "url", "smtp://user"),
        (MAIL.replace("smtp://", "smtp://me@"), "url", "no password"),
        (MAIL.replace("smtp://", "smtp://me:%0d%0aQUIT@"), "url", "do not take"),
        (MAIL.replace("c@d.example", "c@d.example, e@f.example"), "to", "one plain address"),
        (MAIL.replace("c@d.example", "c@d.example\\r\\nBcc: e@f.example"), "to", "one plain"),
        (MAIL.replace("a@b.example", "Me <a@b.example>"), "from", "one plain address"),
        ('kind = "apprise"\nurl = "hidden"', "url", "as Apprise does"),
        ('kind = "atom"\nsecret = "hidden"', "secret", "openssl rand"),
        ('kind = "atom"\nsecret = "hiddenaaaaaaaaaaaaaaaaaa/"', "secret", "random"),
        ('kind = "atom"\nsecret = "aaaaaaaaaaaaaaaaaaaaaaaaaaaa"', "secret", "random"),
        ('kind = "atom"\nsecret = { env = "NOT_SET" }', "secret", "NOT_SET is not set"),
    ],
)
def test_what_is_wrong_is_named_with_its_cure(channel: str, key: str, words: str) -> None:
    """File, line, key and what to do; never what may be a secret."""
    with pytest.raises(ConfigError) as refused:
        read(channel)
    told = str(refused.value)
    assert words in told
    assert refused.value.key == f"notify[0].{key}".removesuffix(".")
    assert refused.value.line is not None
    assert "hidden" not in told.replace("hidden_", "")
    assert SECRET.removeprefix("whsec_") not in told


def test_names_are_not_given_twice() -> None:
    """Two webhooks without a name have the same one; so do twenty-one channels too many."""
    with pytest.raises(ConfigError, match="give each its own"):
        read(HOOK, HOOK)
    with pytest.raises(ConfigError, match="at most 20"):
        read(*(f'name = "n{n}"\n{HOOK}' for n in range(21)))
    with pytest.raises(ConfigError, match="a channel is a table"):
        parse(f'notify = ["webhook"]\n{ADDRESS}', Path("config.toml"), {})


@pytest.mark.parametrize("host", ["127.0.0.1:9000", "[::1]:9000", "192.168.1.7", "localhost:1"])
def test_a_machine_of_ones_own_is_spelled_out(host: str) -> None:
    """In numbers, or as localhost, and then without https too."""
    (hook,) = read(HOOK.replace("https://hooks.example", f"http://{host}")).notify
    assert host in hook.url


def test_a_hexadecimal_secret_is_no_private_key() -> None:
    """What `openssl rand -hex 32` prints may stand here, also in the environment."""
    word = "0123456789abcdef" * 4
    (feed,) = read(f'kind = "atom"\nsecret = "{word}"').notify
    (same,) = read('kind = "atom"\nsecret = { env = "S" }', environment={"S": word}).notify
    assert feed.secrets == same.secrets == (word,)


def test_a_channel_is_shown_without_its_secrets() -> None:
    """Not by `repr`, and what stands for its settings tells nothing of them."""
    text = repr(
        read(HOOK, MAIL.replace("smtp://", "smtp://me:hidden@"), f'kind="atom"\nsecret="{WORD}"')
    )
    for secret in (SECRET, "hooks.example", "hidden", WORD):
        assert secret not in text
    one, other = read(HOOK).notify[0], read(HOOK.replace("/in", "/out")).notify[0]
    assert one.mark != other.mark
    assert one.mark == read(HOOK).notify[0].mark
    assert len(one.mark) == 6


@scene
async def test_no_secret_reaches_log_or_readyz(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Of channels that fail: the alarm names none of them, and the log no address."""
    caplog.set_level(logging.DEBUG, "donations")
    dead = free_port()
    channels = read(
        HOOK.replace("https://hooks.example/in", f"http://127.0.0.1:{dead}/hidden-path"),
        MAIL.replace("smtp://mail.example", f"smtp://me:hidden-word@127.0.0.1:{dead}"),
        f'kind = "apprise"\nurl = "json://me:hidden-word@127.0.0.1:{dead}"',
    ).notify
    channels = tuple(
        replace(each, events=frozenset(Type)) if each.way is not Way.ATOM else each
        for each in channels
    )
    async with World(1) as world:
        config = replace(config_on(world, tmp_path, only=("btc",)), notify=channels)
        async with running(config) as (service, _):
            await until(lambda: service.trackers and service.publisher.published)
            await service.store.transact(outbox.put_events, [EVENT])
            service.notifier.wake()
            await until(lambda: all(c.progress.error for c in service.notifier.couriers))
            told = json.dumps(service.readiness().told())
    assert "notifications" in told
    for secret in ("hidden", str(dead), SECRET):
        assert secret not in told + caplog.text


def test_each_event_has_words_in_each_language() -> None:
    """A title of one line without a gap, whatever is known; and a digest of all of them."""
    data = {
        "chain": "btc", "address": "1Buy", "asset": "BTC", "id": "t", "amount": "0.05",
        "transaction": "t", "block": {"height": 7, "hash": "h", "time": 1},
        "replaced_by": "u", "value": {"currency": "EUR", "amount": "12.50"}, "percent": 50,
        "target": {"amount": "500.00", "unit": "EUR"}, "operator": "north", "since": 5,
        "answering": 1, "required": 2, "url": "https://blog.example", "findings": ["line 3: x"],
    }  # fmt: skip
    for language in LANGUAGES:
        for kind in set(Type) - {Type.DIGEST}:
            title, *lines = tell(kind, data, language)
            assert title.isprintable()
            assert "$" not in title + "".join(lines)
        told = tell_many(list(Type), ["a line"], language)
        assert all(kind.value in "\n".join(told) for kind in Type)
    assert tell(Type.CONFIRMED, data, "fr")[0] == "0,05 BTC reçus"


def test_a_title_breaks_no_message() -> None:
    """Control characters in a title become spaces, and it is cut where mail would be."""
    event = Event(1, "evt_1", Type.TEST, "s", '{"data":{}}', 1)
    title = of_events([event], "en", "a\r\nBcc: x" + "y" * 900).title
    assert title.isprintable()
    assert len(title) == 200
