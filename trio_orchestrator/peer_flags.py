"""The flags of every command that is a peer of a server: where that is, and the token to show it."""

import argparse
from typing import Final

from .client.address import parse_url

DEFAULT_URL: Final = "ws://localhost:8080"


def add_peer_flags(parser: argparse.ArgumentParser) -> None:
    """Declare `--url` and `--token` on `parser`."""
    parser.add_argument("--url", default=DEFAULT_URL, help="the orchestrator (default: %(default)s)")
    parser.add_argument("--token", help="JSON Web Token to authenticate with")


def check_peer_flags(namespace: argparse.Namespace, endpoint: str) -> None:
    """Look at what was parsed before anything is begun with it.

    Args:
        namespace: with the flags of `add_peer_flags`.
        endpoint: `/processor` or `/client`.

    Raises:
        ValueError: one of them cannot be used; the text is one line that repeats neither a token nor a password.
    """
    if not is_utf8(namespace.url):
        raise ValueError("the URL is not UTF-8")
    parse_url(namespace.url, endpoint)
    if namespace.token is not None and not namespace.token.isascii():
        raise ValueError("the token is no JSON Web Token: it has characters that are not ASCII")


def is_utf8(word: str) -> bool:
    """Whether a word of the command line can be sent; Python keeps other bytes in it as lone surrogates."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True
