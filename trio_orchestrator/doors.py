"""The listening sockets that the settings ask for, each with the certificate it needs."""

import errno
import os
import socket
from collections.abc import AsyncIterable, Iterable, Sequence
from typing import Final, NamedTuple

from .net.listeners import address_of, open_listeners
from .net.tls import Certificate
from .settings import Settings, SettingsError

_ADMIN: Final = "ADMIN_PORT"


class Door(NamedTuple):
    """One listening socket.

    Attributes:
        listener: the socket.
        tls: what TLS needs; None where connections are in clear.
        is_admin: whether it is for those who run the server.
    """

    listener: socket.socket
    tls: Certificate | None
    is_admin: bool

    @property
    def url(self) -> str:
        """Where it listens, with the real port."""
        return f"{'http' if self.tls is None else 'https'}://{address_of(self.listener)}"


class Listening(NamedTuple):
    """Where a server listens.

    Attributes:
        urls: for peers.
        admin_urls: for those who run it, where that is a port of its own.
    """

    urls: Sequence[str]
    admin_urls: Sequence[str]

    @classmethod
    def at(cls, doors: Iterable[Door]) -> "Listening":
        """Where these doors are."""
        listed = list(doors)
        return cls([door.url for door in listed if not door.is_admin], [door.url for door in listed if door.is_admin])


def open_doors(settings: Settings) -> list[Door]:
    """Open all of them, or none.

    Raises:
        SettingsError: a port cannot be opened.
    """
    doors: list[Door] = []
    wanted: list[tuple[str, int, Certificate | None]] = []
    if settings.http_port is not None:
        wanted.append(("HTTP_PORT", settings.http_port, None))
    if settings.tls is not None:
        wanted.append(("HTTPS_PORT", settings.https_port, Certificate(settings.tls)))
    if settings.admin_port is not None:
        wanted.append((_ADMIN, settings.admin_port, None))
    for variable, port, tls in wanted:
        try:
            listeners = open_listeners(settings.host, port)
            doors += [Door(listener, tls, variable == _ADMIN) for listener in listeners]
        except OSError as error:
            for door in doors:
                door.listener.close()
            raise _unfit_address(variable, settings, port, error) from None
    return doors


async def renew(doors: Iterable[Door], renewals: AsyncIterable[object] | None) -> None:
    """Read the certificates of `doors` again whenever something comes out of `renewals`."""
    if renewals is not None:
        certificates = {door.tls for door in doors if door.tls is not None}
        async for _ in renewals:
            for certificate in certificates:
                certificate.renew()


def _unfit_address(variable: str, settings: Settings, port: int, error: OSError) -> SettingsError:
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return SettingsError(
            "HOST", f"{settings.host}: {error.strerror}", "an address of this machine, or none for all"
        )
    right = "a free port, or 0 to pick one"
    if error.errno == errno.EACCES:
        right = "a port from 1024 up, or the right to open lower ones"
    return SettingsError(variable, f"port {port} cannot be opened: {os.strerror(error.errno or 0)}", right)
