"""`python -m trio_orchestrator.health`: whether the server with the same settings is well, as an exit status.

It asks `/healthz` on the port that the environment variables (or flags) name, so that a container's health check
follows them: the one for administrators where there is one, as the others may be full.
"""

import argparse
import http.client
import os
import ssl
import sys
from collections.abc import Sequence
from typing import Final

from .settings import Settings, SettingsError, add_flags

TIMEOUT: Final = 4.0
_WELL: Final = frozenset({http.client.OK, http.client.TOO_MANY_REQUESTS, http.client.SERVICE_UNAVAILABLE})
"""The last two say that there is no room for this connection: whoever says so lives, and others are served."""

_EVERYWHERE: Final = frozenset({None, "0.0.0.0", "::"})  # noqa: S104 - compared with, not listened on


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask once, for at most a few seconds.

    Returns:
        0 where the server is well, though there be no room for more connections; else 1 with one line on stderr.
    """
    parser = argparse.ArgumentParser("trio_orchestrator.health", description="Ask a server on this machine how it is.")
    add_flags(parser)
    try:
        status = _ask(Settings.load(os.environ, parser.parse_args(arguments)))
    except (SettingsError, OSError, http.client.HTTPException) as error:
        sys.stderr.write(f"not well: {error}\n")
        return 1
    if status not in _WELL:
        sys.stderr.write(f"not well: HTTP status {status}\n")
        return 1
    return 0


def _ask(settings: Settings) -> int:
    host = "localhost" if settings.host is None or settings.host in _EVERYWHERE else settings.host
    connection: http.client.HTTPConnection
    plain_port = settings.admin_port or settings.http_port
    if plain_port is not None:
        connection = http.client.HTTPConnection(host, plain_port, timeout=TIMEOUT)
    else:
        # It is this machine that is asked; its certificate need not hold a name like `localhost`.
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, settings.https_port, timeout=TIMEOUT, context=context)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
