"""How many connections there may be, in all and from one address."""

import ipaddress
import resource
import types
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Self

FULL: Final = "503 Service Unavailable"
TOO_MANY: Final = "429 Too Many Requests"

_SPARE_FILES: Final = 64
"""Open files that are not connections: the database's, the listening sockets, Trio's own."""

_TURNED_AWAY_AT_A_TIME: Final = 64
"""More of those for whom there is no room are not even told so."""


class Admission:
    """Counts the connections and knows when there are enough.

    Args:
        max_connections: how many there may be.
        max_per_address: how many of them may be from one address.
    """

    def __init__(self, max_connections: int, max_per_address: int) -> None:
        self.max_connections = max_connections
        self.max_per_address = max_per_address
        self.taken = 0
        self.by_address: Counter[str] = Counter()

    @property
    def room_to_refuse(self) -> int:
        """How many more may stay for as long as it takes to tell them that there is no room."""
        return min(_TURNED_AWAY_AT_A_TIME, 1 + self.max_connections // 4)

    def seat(self) -> "Seat":
        """A place for one more connection, to be entered as long as the connection lasts."""
        return Seat(self)

    @contextmanager
    def request_of(self, host: str) -> Iterator[str | None]:
        """A request that a known proxy passes on for `host`; like a connection, as it may take as long and as much.

        Gives the HTTP status by which it is to be refused; None where it is not.
        """
        address = self.add(host)
        try:
            yield TOO_MANY if address is None else None
        finally:
            if address is not None:
                self.remove(address)

    def add(self, host: str) -> str | None:
        """Count one more of `host`; what it counts as, to be removed again, or None where there are too many."""
        address = _network(host)
        if self.by_address[address] >= self.max_per_address:
            return None
        self.by_address[address] += 1
        return address

    def remove(self, address: str) -> None:
        """Count one less."""
        self.by_address[address] -= 1
        if not self.by_address[address]:
            del self.by_address[address]


class Seat:
    """One connection's place, where it got one.

    Attributes:
        refusal: the HTTP status that tells the other end why it gets none; None where it does.
    """

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._address: str | None = None
        self.refusal: str | None = None

    def __enter__(self) -> Self:
        if self._admission.taken >= self._admission.max_connections:
            self.refusal = FULL
        else:
            self._admission.taken += 1
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: types.TracebackType | None,
    ) -> None:
        if self.refusal != FULL:
            self._admission.taken -= 1
        if self._address is not None:
            self._admission.remove(self._address)

    def belongs_to(self, host: str | None) -> None:
        """Count it among those of `host`, an IP address; it is refused where these are too many. To be said once."""
        if self.refusal is not None or host is None:
            return
        self._address = self._admission.add(host)
        if self._address is None:
            self.refusal = TOO_MANY


def _network(host: str) -> str:
    """What counts as one address: of IPv6, where everybody has more than anybody can count, a network of 64 bits."""
    if ":" not in host:
        return host
    try:
        return str(ipaddress.ip_network((host.partition("%")[0], 64), strict=False))
    except ValueError:
        return host


def connections_that_fit(wanted: int, others: Sequence[Admission] = ()) -> int:
    """How many connections the open files allow that a process may have: `wanted`, or less.

    Each has one, those of `others` in the same process too, and everywhere those who are turned away. The soft limit is
    raised as far as that needs and the hard one allows.
    """
    spare = _SPARE_FILES + sum(other.max_connections + other.room_to_refuse for other in others)
    needed = spare + wanted + Admission(wanted, wanted).room_to_refuse
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    left = soft - spare
    # Of few, a fifth is there to refuse others (see `room_to_refuse`); where not even the spare ones are there, a
    # quarter of all is for connections.
    return max(left - _TURNED_AWAY_AT_A_TIME, (left - 1) * 4 // 5, soft // 4, 1)
