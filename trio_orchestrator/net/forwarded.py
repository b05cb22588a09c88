"""Whom a reverse proxy speaks for: the address in `X-Forwarded-For` or `Forwarded`, believed of known proxies alone.

Both headers are lists to which each proxy on the way adds whom it heard; what a stranger wrote stands in front. So
they are read from the end, past the proxies that are known, to the first address that is none of them.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Headers: TypeAlias = Iterable[tuple[bytes, bytes]]

# RFC 7239, section 4: elements and their pairs; what is quoted may hold any of the separators.
_FOR: Final = re.compile(r'(?:^|;)\s*for\s*=\s*(?:"([^"\\]*)"|([^\s";,]+))\s*(?=;|$)', re.IGNORECASE)
_ELEMENTS: Final = re.compile(r'(?:[^,"]|"[^"]*")+')
_PORT: Final = re.compile(r":[0-9]{1,5}")
_MOST_ENTRIES: Final = 32
"""No chain of proxies is longer; what stands before is not looked at."""


class Proxies:
    """The reverse proxies in front of this server.

    Args:
        networks: their addresses.
    """

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks = networks

    def knows(self, host: str | None) -> bool:
        """Whether the connection of `host` is one of a known proxy."""
        address = None if host is None or not self._networks else _address(host)
        return address is not None and self._is_known(address)

    def client(self, host: str, headers: Headers) -> str:
        """Who is behind the known proxy `host`: an IP address; `host` itself where the headers name nobody.

        `X-Forwarded-For` wins: proxies that write only that pass a stranger's `Forwarded` on.
        """
        listed = list(headers)
        entries = list(_entries(listed, b"x-forwarded-for")) or [
            _for(element) for element in _entries(listed, b"forwarded", _ELEMENTS)
        ]
        believed = host
        for entry in reversed(entries[-_MOST_ENTRIES:]):
            address = _address(entry)
            if address is None:  # `unknown`, a name, or nonsense: nothing that stands before it can be trusted either
                break
            believed = str(address)
            if not self._is_known(address):
                break
        return believed

    def _is_known(self, address: _Address) -> bool:
        return any(address.version == network.version and address in network for network in self._networks)


def headers_of(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The headers in the head of an HTTP/1.1 request, names in lower case."""
    for line in head.split(b"\r\n")[1:]:
        name, colon, value = line.partition(b":")
        if colon:
            yield name.strip().lower(), value.strip()


def _entries(headers: Headers, name: bytes, pattern: "re.Pattern[str] | None" = None) -> Iterator[str]:
    for key, value in headers:
        if key.lower() == name:
            text = value.decode("latin-1")
            yield from pattern.findall(text) if pattern else text.split(",")


def _for(element: str) -> str:
    found = _FOR.search(element)
    return "" if found is None else found[1] or found[2] or ""


def _address(text: str) -> _Address | None:
    """An IP address, with a port or not: `192.0.2.7`, `192.0.2.7:80`, `2001:db8::1`, `[2001:db8::1]:80`."""
    bare = text.strip()
    if bare.startswith("["):
        bare, bracket, port = bare[1:].partition("]")
        if not bracket or (port and not _PORT.fullmatch(port)):
            return None
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
