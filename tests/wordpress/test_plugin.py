"""The plugin: the card in a post, whatever the service does; the settings, whoever asks."""

from __future__ import annotations

import http.cookiejar
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from donations.web.fragment import FragmentWriter
from tests.browser.blog import browser, decode, reading
from tests.web.samples import ADDRESSES, BCH, BTC, ETH, snapshot
from tests.web.waiting import run

from .service import ASSETS, Voice, speaking
from .site import ADMIN, AUTHOR, PASSWORD, Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STRANGER = "1BitcoinEaterAddressDontSendf59kuE"
FORGET = "foreach (['fr','en','de'] as $l) delete_transient('donations_widget_'.$l);"
SETTINGS = "options-general.php?page=donations-widget"


@pytest.fixture
def service(site: Site) -> Iterator[Voice]:
    """A service whose address the plugin holds, with nothing fetched yet."""
    with speaking() as voice:
        assert setting(site, voice.url) == voice.url
        yield voice


def setting(site: Site, url: str) -> Any:
    """Save an address as the settings page does; what is then set."""
    return site.php(
        "require_once ABSPATH.'wp-admin/includes/template.php'; "
        "Donations_Widget\\register_settings(); "
        f"{FORGET} update_option('donations_widget_url', {json.dumps(url)}); "
        "return get_option('donations_widget_url');"
    )


def forget(site: Site) -> None:
    """Let what is kept for minutes be over."""
    site.php(f"{FORGET} return 1;")


def start_over(site: Site) -> None:
    """The plugin as it is right after it was set up."""
    site.php(f"{FORGET} delete_option('donations_widget_last'); return 1;")


def shown(page: str) -> str:
    """The element in a page."""
    found = re.search(r"<donation-widget.*?</donation-widget>", page, re.DOTALL)
    assert found is not None, page[-2000:]
    return found[0]


def root(element: str) -> str:
    """The shadow root of the element, empty when it has none."""
    return element.partition("<template")[2].partition("</template>")[0]


def beside(element: str) -> list[str]:
    """The addresses beside the shadow root."""
    return re.findall(r"data-qr=\"[^\"]+\"><code>([^<]+)</code>", element)


@pytest.mark.parametrize("content", ["[donations]", "<!-- wp:donations/widget /-->"])
@pytest.mark.parametrize("user", [AUTHOR, ADMIN])
def test_the_card_is_in_the_post(site: Site, service: Voice, content: str, user: int) -> None:
    """Shortcode and block build the whole card into the page, for authors as for the admin."""
    element = shown(site.read(site.post(content, user)))
    assert beside(element) == list(ADDRESSES)
    assert root(element).count("<svg") == len(ADDRESSES)
    assert "Soutenir" not in element or "Le carnet du mardi" in element
    for address in ADDRESSES:
        assert address in re.sub(r"<[^>]+>", "", root(element))


def test_the_card_is_the_one_of_the_service(site: Site, service: Voice) -> None:
    """Of the card, nothing a reader sees is lost between the service and the post."""
    said = FragmentWriter(ASSETS, ASSETS.locales["fr"], service.url).write(
        snapshot(title="Le carnet du mardi")
    )
    page = root(shown(site.read(site.post('[donations lang="fr"]'))))
    card = page.partition("</style>")[2]
    words = re.compile(r"<[^>]+>|\s+")
    assert words.sub("", card) == words.sub("", said)
    kept = {"role=", "aria-label=", "data-live=", "datetime=", "checked", 'type="radio"', "part="}
    for attribute in kept & set(re.findall(r'[a-z-]+="radio"|[a-z-]+=|checked', said)):
        assert card.count(attribute) == said.count(attribute), attribute


def test_a_reader_without_script_sees_and_scans_it(site: Site, service: Voice) -> None:
    """In a browser without JavaScript the card stands, and each code pays its address."""
    link = site.post("[donations]")

    async def law() -> None:
        async with browser() as chromium, reading(chromium, script=False) as (page, seen):
            await page.goto(link)
            card = page.locator("donation-widget .card")
            await card.wait_for()
            payments = [f"bitcoin:{BTC}", BCH, ETH]
            for index, payment in enumerate(payments):
                await card.locator("label").nth(index).click()
                assert await decode(card.locator(".qr svg").nth(index)) == [payment]
            assert not [url for url in seen.requests if not url.startswith(site.url)]

    run(law(), 60)


def test_the_script_takes_over_what_is_there(site: Site, service: Voice) -> None:
    """With JavaScript the same card lives on, from the pinned script, without a complaint."""
    link = site.post("[donations]")

    async def law() -> None:
        async with browser() as chromium, reading(chromium) as (page, seen):
            await page.goto(link)
            await page.locator("donation-widget:defined").wait_for(state="attached")
            card = page.locator("donation-widget .card")
            await card.locator("label").nth(0).click()
            await card.locator(".copy").first.click()
            said = card.locator("[role=status]", has_text="copied")
            await said.wait_for(state="attached")
            assert await page.evaluate("navigator.clipboard.readText()") == BTC
            assert not [text for text in seen.complaints if "donation" in text.lower()]

    run(law(), 60)


def test_a_service_that_is_down_leaves_the_last_card(site: Site, service: Voice) -> None:
    """Errors keep the last good card, and only one reader in a minute waits for an answer."""
    link = site.post("[donations]")
    good = root(shown(site.read(link)))
    service.broken = True
    forget(site)
    service.asked.clear()
    for _ in range(3):
        assert root(shown(site.read(link))) == good
    assert service.asked == ["/inline.json"]


def test_addresses_stay_when_there_never_was_a_card(site: Site) -> None:
    """A service gone since the settings were saved costs numbers and nothing else."""
    with speaking() as voice:
        setting(site, voice.url)
    start_over(site)
    element = shown(site.read(site.post("[donations]")))
    assert (beside(element), root(element)) == (list(ADDRESSES), "")


def test_a_reader_waits_for_the_service_a_few_seconds_at_most(site: Site, service: Voice) -> None:
    """A service that never answers does not hold the page."""
    start_over(site)
    link = site.post("[donations]")

    def sleep(_: dict[str, Any]) -> None:
        time.sleep(6)

    service.twist = sleep
    before = time.monotonic()
    with suppress(BrokenPipeError):
        assert beside(shown(site.read(link))) == list(ADDRESSES)
    assert time.monotonic() - before < 5.5


def _other_address(said: dict[str, Any]) -> None:
    said["card"] = said["card"].replace("<b>1Buy</b>", "<b>1Bad</b>")


def _one_more(said: dict[str, Any]) -> None:
    said["card"] += f'<p class="address">{STRANGER}</p>'


def _in_words(said: dict[str, Any]) -> None:
    said["card"] += f"<p>Nouvelle adresse : {STRANGER}</p>"


def _in_parts(said: dict[str, Any]) -> None:
    said["card"] += f"<p>{'<b></b>&shy;'.join(STRANGER)}</p>"


def _on_copying(said: dict[str, Any]) -> None:
    said["card"] = said["card"].replace('data-done="', f'data-done="{STRANGER} ')


def _missing(said: dict[str, Any]) -> None:
    said["card"] = re.sub(r'<p class="address".*?</p>', "", said["card"], count=1)


@pytest.mark.parametrize(
    "twist", [_other_address, _one_more, _in_words, _in_parts, _on_copying, _missing]
)
def test_a_captured_service_names_no_address(
    site: Site, service: Voice, twist: Callable[[dict[str, Any]], None]
) -> None:
    """Where the card names other addresses a warning stands in its place, and no code."""
    start_over(site)
    service.twist = twist
    element = shown(site.read(site.post("[donations]")))
    assert 'role="alert"' in root(element)
    assert "<svg" not in root(element)
    assert STRANGER not in element
    assert beside(element) == list(ADDRESSES)


def _hostile(said: dict[str, Any]) -> None:
    said["card"] = (
        "<script>alert(1)</script><style>*{}</style><img src=x onerror=alert(1)>"
        "</template><form action=x></form><iframe src=x></iframe>"
        + said["card"]
        .replace("<svg", '<svg onload="alert(1)"')
        .replace("<path", '<image href="x"/><path')
        .replace('class="wallet"', 'class="wallet" onclick="alert(1)"')
        .replace(f"bitcoin:{BTC}", f"bitcoin:{STRANGER}")
        .replace(f"ethereum:{ETH}", "javascript:alert(1)")
    )
    said["style"] = "</style><script>alert(2)</script>"
    said["script"] = "../evil.js"


def test_a_captured_service_can_neither_act_nor_draw(site: Site, service: Voice) -> None:
    """Elements that act or load are gone; codes and links come from what was pinned."""
    start_over(site)
    calm = root(shown(site.read(site.post("[donations]"))))
    start_over(site)

    def without_names(said: dict[str, Any]) -> None:
        _hostile(said)
        service.twist = None

    # What fails its form is no answer at all.
    service.twist = without_names
    link = site.post("[donations]")
    assert root(shown(site.read(link))) == ""

    def in_form(said: dict[str, Any]) -> None:
        style, script = said["style"], said["script"]
        _hostile(said)
        said.update(style=style, script=script)

    start_over(site)
    service.twist = in_form
    element = shown(site.read(link))
    assert not re.search(r"onload|onerror|onclick|<form|<iframe|<img|<image|javascript", element)
    assert STRANGER not in element
    tags = re.compile(r"<(?:svg|path|a)\b[^>]*>")
    assert tags.findall(root(element)) == tags.findall(calm)


@pytest.mark.parametrize(
    "said",
    [None, 5, [], {}, {"card": 1}, "x", {"card": "x", "style": "", "addresses": []}],
)
def test_an_answer_of_another_form_changes_nothing(site: Site, service: Voice, said: Any) -> None:
    """Nonsense from the address of the service is as good as no answer."""
    link = site.post("[donations]")
    good = root(shown(site.read(link)))
    forget(site)
    service.twist = lambda _: [said] if said is None else said
    assert root(shown(site.read(link))) == good


@pytest.mark.parametrize(
    "lang", ["de", "fr", "EN", "../..", "<script>", '"onload=x', "x" * 3000, "%00", "é"]
)
def test_any_language_is_a_page(site: Site, service: Voice, lang: str) -> None:
    """A language nobody has, or that is none, shows the card in one there is."""
    text = f"'[donations lang=\"'.json_decode({json.dumps(json.dumps(lang))}).'\"]'"
    element = shown(site.php(f"return do_shortcode({text});"))
    assert beside(element) == list(ADDRESSES)
    assert "<script>alert" not in element


def test_payment_links_of_authors_survive(site: Site, service: Voice) -> None:
    """Without the plugin WordPress makes them broken relative links; what can act is still cut."""
    links = (f"bitcoin:{BTC}", BCH, f"ethereum:{ETH}")
    text = "".join(f'<a href="{link}">x</a>' for link in links)
    page = site.read(site.post(f'{text}<a href="javascript:alert(1)">y</a>'))
    for link in links:
        assert f'href="{link}"' in page
    assert "javascript:alert" not in page


@pytest.mark.parametrize("user", [AUTHOR, ADMIN])
@pytest.mark.parametrize("query", ["", "?lang=en"])
def test_a_pasted_address_becomes_the_frame(
    site: Site, service: Voice, user: int, query: str
) -> None:
    """With the plugin the service is a known provider: its frame is shown without a sandbox."""
    page = site.read(site.post(f"{service.url}{query}\n", user))
    frame = re.search(r"<iframe[^>]*sandboxed[^>]*>", page)
    assert frame is not None
    assert f"lang={query[-2:] or 'fr'}" in frame[0]
    assert "sandbox=" not in frame[0]


def test_a_stranger_is_no_provider(site: Site, service: Voice) -> None:
    """An address that only begins like ours is not asked for at the service."""
    service.asked.clear()
    site.read(site.post(f"{service.url.rstrip('/')}.attacker.example/\n"))
    site.read(site.post(f"http://attacker.example/{service.url}\n"))
    assert "/oembed" not in service.asked


def test_a_blog_without_the_plugin_discovers_the_frame(site: Site, service: Voice) -> None:
    """WordPress alone finds the provider in the hosted page and shows its frame in a sandbox."""
    setting(site, "")
    page = site.read(site.post(f"{service.url}?lang=fr\n", AUTHOR))
    frame = re.search(r"<iframe[^>]*sandboxed[^>]*>", page)
    assert frame is not None, page[-1500:]
    assert 'sandbox="allow-scripts"' in frame[0]
    assert int(re.findall(r'height="(\d+)"', frame[0])[0]) >= 500
    assert "blockquote" not in page


# -- the settings


class Person:
    """Somebody who is logged in."""

    def __init__(self, site: Site, name: str) -> None:
        self._site = site
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(cookies)
        self.ask("wp-login.php")
        self.ask("wp-login.php", log=name, pwd=PASSWORD, testcookie="1")

    def ask(self, path: str, **form: str) -> tuple[int, str]:
        """Status and page."""
        data = urllib.parse.urlencode(form).encode() if form else None
        try:
            with self._opener.open(f"{self._site.url}/{path}", data, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def save(self, url: str, nonce: str) -> tuple[int, str]:
        """Send the form of the settings page."""
        return self.ask(
            "wp-admin/options.php",
            option_page="donations_widget",
            action="update",
            _wpnonce=nonce,
            _wp_http_referer=f"/wp-admin/{SETTINGS}",
            donations_widget_url=url,
        )


def nonce_of(page: str) -> str:
    """The nonce of the form."""
    found = re.search(r'name="_wpnonce" value="([0-9a-f]+)"', page)
    assert found is not None
    return found[1]


def test_the_administrator_saves_the_address_and_sees_what_is_pinned(site: Site) -> None:
    """The form works, says which addresses posts show, and refuses what is no service."""
    setting(site, "")
    admin = Person(site, "admin")
    with speaking() as voice:
        status, page = admin.ask(f"wp-admin/{SETTINGS}")
        assert status == 200
        nonce = nonce_of(page)
        _, page = admin.save(voice.url.rstrip("/"), nonce)
        for address in ADDRESSES:
            assert f"<code>{address}</code>" in page
        voice.broken = True
        _, page = admin.save(f"{voice.url}x/", nonce)
        assert "notice-error" in page
        assert site.php("return get_option('donations_widget_url');") == voice.url


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "http://dons.example.org/",
        "ftp://127.0.0.1/",
        "https://user:pass@dons.example.org/",
        "//dons.example.org",
        '"><script>alert(1)</script>',
        "https://",
    ],
)
def test_a_hostile_address_is_not_saved(site: Site, service: Voice, url: str) -> None:
    """Only https, or this machine, without a name, query or fragment."""
    assert setting(site, url) == service.url


def test_only_administrators_with_the_nonce_save(site: Site, service: Voice) -> None:
    """An author sees no settings and saves none; an administrator's browser needs the nonce."""
    admin, author = Person(site, "admin"), Person(site, "author")
    _, page = admin.ask(f"wp-admin/{SETTINGS}")
    assert author.ask(f"wp-admin/{SETTINGS}")[0] == 403
    assert author.save("http://127.0.0.1:1/", nonce_of(page))[0] == 403
    assert admin.save("http://127.0.0.1:1/", "0123456789")[0] == 403
    assert site.php("return get_option('donations_widget_url');") == service.url


def test_the_block_is_offered_in_the_editor(site: Site, service: Voice) -> None:
    """The editor loads the block's few lines and its preview shows the addresses."""
    admin = Person(site, "admin")
    status, page = admin.ask("wp-admin/post-new.php")
    assert status == 200
    assert "registerBlockType( 'donations/widget'" in page
    rendered = site.php("return render_block(parse_blocks('<!-- wp:donations/widget /-->')[0]);")
    assert beside(shown(rendered)) == list(ADDRESSES)
