"""What peers said and were told, counted for all of them together: plain numbers that anyone can ask for."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Final

from trio_orchestrator.histogram import Histogram, HistogramStatistics
from trio_orchestrator.protocol.codes import ErrorCode

_TYPE_STARTS: Final = len(b'{"type":"')


@dataclass(frozen=True, slots=True)
class TrafficStatistics:
    """The counters at one instant.

    Attributes:
        received: messages that could be read, by kind of peer and type; `unknown` for all types that are none of ours.
        sent: messages of control offered to peers, by type; one for each peer that is to get it.
        refused: messages that were not carried out, by the code that their senders were told.
        authentications: tokens looked at, by who showed them (a kind of peer, or `http`) and by what came of it:
            `accepted`, `renewed` or an error code.
        write_delays: how long waited what a peer's socket did not take at once, until it had taken it.
    """

    received: dict[tuple[str, str], int]
    sent: dict[str, int]
    refused: dict[ErrorCode, int]
    authentications: dict[tuple[str, str], int]
    write_delays: HistogramStatistics


class Traffic:
    """Counts for all connections; those who know add to the attributes themselves, which costs no call.

    Attributes:
        refused: see `TrafficStatistics`.
        authentications: likewise.
        write_delays: likewise.
    """

    def __init__(self) -> None:
        self._received: defaultdict[str, defaultdict[type, int]] = defaultdict(lambda: defaultdict(int))
        self._sent: defaultdict[bytes, int] = defaultdict(int)
        self.refused: Counter[ErrorCode] = Counter()
        self.authentications: Counter[tuple[str, str]] = Counter()
        self.write_delays = Histogram()

    def received_from(self, kind: str) -> defaultdict[type, int]:
        """Counts of the messages of this kind of peer, by the class that they were decoded to; to be added to."""
        return self._received[kind]

    def sent(self, message: bytes) -> None:
        """Count `message`, JSON as `protocol.outbound` makes it, with `type` as its first member."""
        self._sent[message[_TYPE_STARTS : message.find(b'"', _TYPE_STARTS)]] += 1

    def statistics(self) -> TrafficStatistics:
        """The counters as they are now."""
        return TrafficStatistics(
            received={
                (kind, _tag(message)): count
                for kind, counts in self._received.items()
                for message, count in counts.items()
            },
            sent={kind.decode(): count for kind, count in self._sent.items()},
            refused=dict(self.refused),
            authentications=dict(self.authentications),
            write_delays=self.write_delays.statistics(),
        )


def _tag(message: type) -> str:
    """The `type` of messages of this class; a peer's own words never become a name here."""
    config = getattr(message, "__struct_config__", None)
    return (config.tag if config is not None else None) or "unknown"
