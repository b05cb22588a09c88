"""The console over TLS, where a browser speaks HTTP/2."""

from tests.e2e.conftest import Tls

from .browser import Browser
from .conftest import StartServer
from .scene import Scene


def test_the_console_becomes_live(start_server: StartServer, tls: Tls, trusting_browser: Browser) -> None:
    page, server = trusting_browser, start_server(**tls.variables)
    with Scene(server.urls.websocket(""), ["gate"]):
        page.open(f"{server.urls.tls}/")
        page.until_text(".state", "Live")
        page.find('.tile[data-camera="gate"][data-online="true"]')
    assert page.run("return performance.getEntriesByType('navigation')[0].nextHopProtocol") == "h2"
    assert page.complaints() == []
