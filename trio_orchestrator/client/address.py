"""A user's URL → where to connect and what to ask for there."""

from typing import NamedTuple
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"ws": 80, "wss": 443}
_HIGHEST_PORT = 65535


class Address(NamedTuple):
    """One of the orchestrator's two sockets.

    Attributes:
        host: a name, or an IPv4 or IPv6 address without brackets.
        port: 1 to 65535.
        path: what to ask for, from the first slash on, the query included.
        secure: whether TLS is spoken.
    """

    host: str
    port: int
    path: str
    secure: bool

    @property
    def host_header(self) -> str:
        """The `Host` that belongs to this address (RFC 9110, section 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS["wss" if self.secure else "ws"] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{'wss' if self.secure else 'ws'}://{self.host_header}{self.path}"


def parse_url(url: str, endpoint: str) -> Address:
    """The address of `endpoint` at the server that `url` names.

    Args:
        url: `ws://` or `wss://` with the server's base, `ws://localhost:8080`, or already with the endpoint behind it.
        endpoint: `/processor` or `/client`; added unless the URL ends in it.

    Raises:
        ValueError: the URL is none, has another scheme or holds a name or a password.
    """
    # Before an "@" there may be a password, and errors end in logs.
    shown = repr(url) if "@" not in url else "the URL"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        detail = f": {error}" if "@" not in url else ""
        raise ValueError(f"{shown} is no URL{detail}") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise ValueError(f"{shown} must begin with ws:// or wss://")
    if not parts.hostname or not parts.hostname.isprintable() or " " in parts.hostname:
        raise ValueError(f"{shown} names no host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL must not hold a user name or a password; use a token")
    if port == 0:
        raise ValueError(f"{shown}: the port must be 1 to {_HIGHEST_PORT}")
    path = parts.path.rstrip("/")
    if not path.endswith(endpoint):
        path += endpoint
    if parts.query:
        path += "?" + parts.query
    if not path.isascii() or not path.isprintable() or " " in path:
        raise ValueError(f"{shown}: what is not ASCII must be percent-encoded in the path")
    return Address(parts.hostname, port or _DEFAULT_PORTS[parts.scheme], path, parts.scheme == "wss")
