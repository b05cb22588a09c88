"""Opens the sockets that connections come in by."""

import socket
from typing import Final

_BACKLOG: Final = 1024


def open_listeners(host: str | None, port: int) -> list[socket.socket]:
    """Listening sockets, not blocking, for `host` and `port`.

    Args:
        host: a name or address; all interfaces, IPv4 and IPv6, where None.
        port: 0 picks a free one, the same for all sockets returned.

    Raises:
        OSError: the port is taken or needs privileges, or the host is none of this machine's.
    """
    if host is None:
        return [
            _listen(socket.AF_INET6, ("", port), dualstack=True)
            if _dualstack()
            else _listen(socket.AF_INET, ("", port))
        ]
    listeners: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, address in dict.fromkeys(found):
            chosen = listeners[0].getsockname()[1] if listeners else port
            listeners.append(_listen(family, (str(address[0]), chosen)))
    except OSError:
        for listener in listeners:
            listener.close()
        raise
    return listeners


def address_of(listener: socket.socket) -> str:
    """Where `listener` listens, as it stands in a URL: `127.0.0.1:8080`, `[::1]:8080`."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _listen(family: int, address: tuple[str, int], *, dualstack: bool = False) -> socket.socket:
    listener = socket.create_server(address, family=family, backlog=_BACKLOG, dualstack_ipv6=dualstack)
    listener.setblocking(False)
    return listener


def _dualstack() -> bool:
    """Whether one socket can take IPv4 and IPv6; a kernel without IPv6 says so only when asked for a socket."""
    if not socket.has_dualstack_ipv6():
        return False
    try:
        socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True).close()
    except OSError:
        return False
    return True
