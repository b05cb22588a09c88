"""Tokens, and a server that goes away: what the page says, and how it goes on."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from selenium.webdriver.common.keys import Keys

from tests.e2e.peers import client, start
from tests.e2e.running import ServerProcess
from tests.tokens import CLIENT_ROLE, key_pair, make_token, token_environment

from .browser import Browser, window
from .conftest import StartServer
from .operator import Operator
from .scene import Scene
from .test_wall import DROP, png

# The page's clock alone, so that nothing ends at the server while the browser takes its time.
_LATER: Final = "const now = Date.now; Date.now = () => now() + 1000 * arguments[0];"

# What is set in Chromium by "Block all site data", and stands for cookies in its preferences.
_STORAGE: Final = "profile.default_content_setting_values.cookies"
_BLOCKED: Final = 2

_ONLY_CLIENTS: Final = {**token_environment(processor_role=None)}


@pytest.fixture
def page(browser: Browser) -> Iterator[Browser]:
    """A window whose page may say that it cannot connect, as the test lets that happen; nothing else."""
    browser.complaints()
    browser.look(dark=True)
    browser.open("about:blank")
    yield browser
    browser.open("about:blank")
    others = [
        text for text in browser.complaints() if "WebSocket connection to" not in text and "ERR_CONNECTION" not in text
    ]
    assert others == []


def sign_in(page: Browser, token: str) -> None:
    field = page.find("#token")
    field.clear()
    field.send_keys(token, Keys.ENTER)


def test_a_token_is_asked_for_and_one_that_is_refused_says_so(start_server: StartServer, page: Browser) -> None:
    server = start_server(**_ONLY_CLIENTS)
    with Scene(server.urls.websocket(""), ["gate"]):
        page.open(f"{server.urls.plain}/")
        page.until_text("#sign-in-why", "This server asks for a token.")
        sign_in(page, "nonsense")
        page.until_text("#sign-in-error", "This is no token")
        sign_in(page, make_token(signer=key_pair("somebody else")))
        page.until_text("#sign-in-error", "The token was refused: the signature of the token is not good.")
        sign_in(page, make_token(roles=["visitor"]))
        page.until_text("#sign-in-error", "The token was refused: the token does not hold the role")
        token = make_token(name="Alice Kumar")
        sign_in(page, f"  Bearer {token}\n")
        page.find('.tile[data-camera="gate"]')
        page.until_text(".user", "Alice Kumar")
        # The past is asked for with it, too, and it is kept for this tab alone.
        page.click('#views a[href="#objects"]')
        page.until_text("#objects .table-note", "No past objects yet.")
        assert page.run("return Object.values(localStorage).join()").find(token) < 0
        assert token not in page.run("return location.href + document.documentElement.outerHTML + document.cookie")
        page.driver.refresh()
        page.until_text(".state", "Live")
        page.click(".user")
        page.until_text("#sign-in-why", "This server asks for a token.")
        assert page.run("return sessionStorage.length") == 0
    assert token not in server.log


@pytest.mark.usefixtures("browser")  # where there is none, this is skipped as well
def test_a_browser_that_keeps_nothing_for_pages_shows_the_console(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server(**_ONLY_CLIENTS)
    with window(tmp_path / "chromium", **{_STORAGE: _BLOCKED}) as page:
        page.open(f"{server.urls.plain}/")
        sign_in(page, make_token(name="Alice Kumar"))
        page.until_text(".state", "Live")
        page.until_text(".user", "Alice Kumar")
        page.click('.segments [data-size="l"]')
        assert page.find('.segments [data-size="l"]').get_attribute("aria-pressed") == "true"
        page.click('#status [aria-label="Keys"]')
        page.click("#single-keys")
        assert page.complaints() == []


def test_a_token_that_is_about_to_expire_is_renewed_without_a_break(start_server: StartServer, page: Browser) -> None:
    server = start_server(**_ONLY_CLIENTS)
    page.open(f"{server.urls.plain}/")
    sign_in(page, make_token(expires_in=600))
    page.until_text(".state", "Live")
    assert page.run("return document.querySelector('#banner').hidden")
    page.run(_LATER, 500)
    page.until_text("#banner", "Your sign-in is about to end.")
    page.click("#banner button")
    sign_in(page, make_token(subject="bob", expires_in=1200))
    page.until_text("#sign-in-error", "a renewal must be for the same subject")
    sign_in(page, make_token(expires_in=1200))
    page.until_text("#notices", "You are signed in with the new token.")
    page.until(lambda: page.run("return document.querySelector('#banner').hidden"))
    assert page.text(".state") == "Live"


def test_a_token_that_has_expired_leads_back_to_signing_in(start_server: StartServer, page: Browser) -> None:
    server = start_server(**_ONLY_CLIENTS)
    page.open(f"{server.urls.plain}/")
    sign_in(page, make_token(expires_in=6))  # long enough to be seen live on a busy machine
    page.until_text(".state", "Live")
    page.until_text("#sign-in-why", "Your token has expired.")


def look_around(page: Browser, server: ServerProcess) -> int:
    """Sign in, look at a live object and at a past one in all views, the timeline last; the live one's id."""
    sign_in(page, make_token(name="Alice Kumar"))
    page.until_text(".state", "Live")
    page.find('.tile[data-camera="vestibule"]')
    with client(server.urls) as somebody:
        somebody.say("authenticate", jwt=make_token(name="Alice Kumar"))
        image = f"data:image/png;base64,{base64.b64encode(png()).decode()}"
        past, live = (start(somebody, "vestibule", image=image) for _ in range(2))
        somebody.say("stop", objectId=past)
        somebody.settle()
    page.click('#views a[href="#objects"]')
    page.find("#past-camera").send_keys("vestibule")
    row = f'#objects tr[data-object="{past}"]'

    def shows_image() -> bool:
        # Again, as the list may be shown anew meanwhile.
        page.run("document.querySelector(arguments[0])?.click()", f'{row} [title="Show the cut-out"]')
        return bool(page.all(f"{row} img"))

    page.until(shows_image, "the image of a past object does not come")
    page.click(f'#objects .card[data-object="{live}"] [title="Timeline"]')
    page.find(".chart .bar")
    page.until_text("#timeline tbody tr", "vestibule")
    page.until_text("#announcer", f"Object {live} is on vestibule.")
    return live


def shows_anything(page: Browser) -> bool:
    """Whether the page, seen or not, tells of cameras, of images, or of who was there."""
    html = page.run("return document.body.outerHTML + document.title")
    typed = page.run("return [...document.querySelectorAll('input')].map((input) => input.value).join()")
    return any(word in html + typed for word in ("vestibule", "Alice", "<img", "<canvas", "Object "))


def test_nothing_of_anybody_stays_on_the_page_when_one_signs_out(start_server: StartServer, page: Browser) -> None:
    server = start_server(**_ONLY_CLIENTS)
    page.open(f"{server.urls.plain}/")
    with Scene(server.urls.websocket(""), ["vestibule"]):
        live = look_around(page, server)
        assert shows_anything(page)
        page.run(DROP, "vestibule", "Alice.svg", "image/svg+xml", "")
        page.until_text("#notices", "“Alice.svg” is no PNG")
        # At once: where nobody looks at the page, nothing is drawn, and news stays for a while.
        at_once = """document.querySelector('.user').click();
        return ['#timeline', '#notices'].map((part) => document.querySelector(part).textContent).join()"""
        assert "vestibule" not in (left := page.run(at_once))
        assert "Alice" not in left
        page.until_text("#sign-in-why", "This server asks for a token.")
        page.until(lambda: not shows_anything(page))
        # Whoever signs in next has not asked for it.
        assert not page.all(f'[data-object="{live}"]')
        assert page.run("return location.hash") == "#timeline"
        assert "timeline/" not in page.run("return document.querySelector('#views').outerHTML")


def test_where_the_server_ends_it_whoever_signs_in_again_goes_on(start_server: StartServer, page: Browser) -> None:
    server = start_server(**_ONLY_CLIENTS)
    page.open(f"{server.urls.plain}/")
    port = str(server.urls.address[1])
    with Scene(server.urls.websocket(""), ["vestibule"]):
        live = look_around(page, server)
        page.click('#views a[href="#objects"]')
        page.click(f'#objects .card[data-object="{live}"] .erase')
        page.find("dialog[open] #erase-id")
        page.driver.back()
        page.find(".chart .bar")
        server.kill()
        start_server(**{**_ONLY_CLIENTS, "AUDIENCE": "another"}, HTTP_PORT=port)
        page.until_text("#sign-in-why", "The token was refused")
        page.until(lambda: not shows_anything(page))
        assert not page.all("#erase-id")
        assert page.run("return location.hash") == f"#timeline/{live}"
        sign_in(page, make_token(audience="another", resource_access={"another": {"roles": [CLIENT_ROLE]}}))
        page.until_text("#timeline tbody tr", "vestibule")


def test_a_server_that_is_started_again_heals_by_itself(start_server: StartServer, page: Browser) -> None:
    server = start_server()
    page.open(f"{server.urls.plain}/")
    port = str(server.urls.address[1])
    with Scene(server.urls.websocket(""), ["gate", "hall"]):
        page.find('.tile[data-camera="hall"][data-online="true"]')
        started = Operator(page, server.urls).start("gate", image="AAAA")
        page.find(f'#rail [data-object="{started}"]')
        server.kill()
        page.until_text("#banner", "What is shown may be out of date.")
        page.until_text(".state", "Disconnected")
        # Tries fail, as when a server is really gone for a while.
        page.until(lambda: any("ERR_CONNECTION" in text for text in page.complaints()), "nothing is tried")
        start_server(HTTP_PORT=port)
        page.until_text("#notices", "The server was started again; everything is up to date.")
        page.until(lambda: page.run("return document.querySelector('#banner').hidden"))
        page.until_text(".state", "Live")
        page.find('.tile[data-camera="hall"][data-online="true"]')
        page.find(f'#rail [data-object="{started}"]')
