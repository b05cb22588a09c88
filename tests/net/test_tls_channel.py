"""TLS without waiting: every byte once and in order, whatever the socket takes and however the bytes come."""

import random
import select
import ssl
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trio_orchestrator.net import tls_channel

from .tls_peers import BUFFERS, TLS_1_2, TLS_1_3, Client, Ends, shake_hands, talking, unacquainted

both_versions = pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3], ids=["1.2", "1.3"])
VERSIONS = st.sampled_from([TLS_1_2, TLS_1_3])
AROUND = [16383, 16384, 16385, 65535, 65536, 65537, 65538, 131073]
SIZES = st.one_of(st.integers(2, 2000), st.sampled_from(AROUND))
PORTIONS = st.one_of(st.just(0), st.integers(1, 100), st.sampled_from([*AROUND, 16406, 65624, 65623]))


def noise(size: int, seed: int) -> bytes:
    """Bytes of which no part looks like another."""
    return random.Random(seed).randbytes(size)


# What goes.


@given(
    batches=st.lists(st.lists(SIZES, min_size=1, max_size=4), min_size=1, max_size=6),
    appetite=st.lists(PORTIONS, max_size=12),
    changes=st.sets(st.integers(0, 5)),
    version=VERSIONS,
)
@example([[65536, 2, 2]], [65624 - 1], set(), TLS_1_3)
@example([[65535, 2]], [65624 - 1], set(), TLS_1_3)
@example([[65534, 2]], [65624 - 1, 0], {0}, TLS_1_3)
@example([[65536, 2], [2, 70000]], [0, 0, 10], {0}, TLS_1_3)
@example([[2, 65536], [3]], [0], {0, 1}, TLS_1_3)
@example([[(1 << 20) + 2, 70000]], [], set(), TLS_1_3)
def test_whole_frames_arrive_however_the_socket_takes_them(
    batches: Sequence[Sequence[int]], appetite: Sequence[int], changes: set[int], version: ssl.TLSVersion
) -> None:
    """As an outbox does it: what was cut is finished, and what comes behind it gives way."""
    with talking(version) as ends:
        ends.near.appetite = iter(appetite)
        expected = b""
        for number, sizes in enumerate(batches):
            frames = [noise(size, number * 10 + index) for index, size in enumerate(sizes)]
            joined = b"".join(frames)
            taken = ends.channel.send_nowait(joined)
            assert taken < len(joined) or not ends.channel.unsent
            if number in changes and version is TLS_1_3:  # what TLS says by itself comes between
                ends.client.socket.sendall(ends.client.change_keys())
                assert ends.channel.receive_nowait() is None
            while frames and taken >= len(frames[0]):
                taken -= len(frames[0])
                expected += frames.pop(0)
            if taken:
                finish(ends, frames[0][taken:])
                expected += frames[0]
            ends.client.listen()
        finish(ends, b"end")
        assert ends.client.heard == expected + b"end"


def finish(ends: Ends, data: bytes) -> None:
    while data:
        taken = ends.channel.send_nowait(data)
        assert taken < len(data) or not ends.channel.unsent
        data = data[taken:]
        ends.client.listen()
    ends.client.listen()


def test_nothing_is_encrypted_behind_what_waits() -> None:
    with talking() as ends:
        ends.near.appetite = iter([100, 0, 0, 100])
        data = noise(200_000, 1)
        assert ends.channel.send_nowait(data) == 65536
        waiting = ends.channel.unsent
        assert 65400 < waiting < 66600  # with the tickets
        for left in (waiting, waiting, waiting - 100):
            assert ends.channel.send_nowait(data[65536:]) == 0
            assert ends.channel.unsent == left
        assert ends.channel.send_nowait(data[65536:]) == len(data) - 65536
        ends.client.listen()
        assert ends.client.heard == data


def test_one_call_encrypts_no_more_than_its_share() -> None:
    with talking() as ends:
        assert ends.channel.send_nowait(bytes(3 << 20)) <= 1 << 20


def test_a_broken_socket_is_told_of() -> None:
    with talking() as ends:
        ends.client.socket.close()
        with pytest.raises(OSError, match=r"Broken pipe|reset"):
            ends.channel.send_nowait(b"anybody?")
        with pytest.raises(OSError, match=r"Broken pipe|reset|not connected"):
            ends.channel.finish_nowait()


# What comes.


@given(
    sizes=st.lists(st.one_of(st.integers(1, 2000), st.sampled_from(AROUND)), min_size=1, max_size=20),
    cuts=st.lists(st.one_of(st.integers(1, 40), st.sampled_from([1100, 16384, 16406, 65536, 100_000])), max_size=30),
    version=VERSIONS,
)
@example([1] * 20, [22, 1, 23, 4, 5], TLS_1_3)
@example([200_000], [], TLS_1_3)
def test_all_that_is_complete_is_read_at_once(
    sizes: Sequence[int], cuts: Sequence[int], version: ssl.TLSVersion
) -> None:
    with talking(version) as ends:
        messages = [noise(size, number) for number, size in enumerate(sizes)]
        records = [ends.client.encrypt(message) for message in messages]
        ciphertext, plain = b"".join(records), b"".join(messages)
        received, position = b"", 0
        for cut in [*cuts, *[60_000] * (len(ciphertext) // 60_000 + 1)]:
            ends.client.socket.sendall(ciphertext[position : position + cut])
            position += cut
            while (data := ends.channel.receive_nowait()) is not None:
                assert data
                received += data
            complete = sum(map(len, messages[: whole(records, position)]))
            assert complete <= len(received), "what has come is not kept"
            assert plain.startswith(received)
        assert received == plain


def whole(records: Sequence[bytes], position: int) -> int:
    """How many of `records` have come up to `position`."""
    count = 0
    for record in records:
        position -= len(record)
        if position < 0:
            break
        count += 1
    return count


def test_a_batch_is_one_piece() -> None:
    with talking() as ends:
        for number in range(40):
            ends.client.say(noise(1100, number))
        assert ends.channel.receive_nowait() == b"".join(noise(1100, number) for number in range(40))
        assert ends.channel.receive_nowait() is None


@both_versions
def test_what_the_peer_says_with_the_end_of_the_handshake(version: ssl.TLSVersion) -> None:
    with unacquainted(version) as ends:
        said = None
        while not ends.client.shake_hands():
            said = ends.channel.shake_hands()
        ciphertext = ends.client.encrypt(b"one") + ends.client.encrypt(b"two")
        ends.client.socket.sendall(ciphertext[:-1])
        if said is None:
            assert ends.channel.shake_hands() == b"one"
        else:  # in TLS 1.2 the server has the last word
            assert ends.channel.receive_nowait() == b"one"
        ends.client.socket.sendall(ciphertext[-1:])
        assert ends.channel.receive_nowait() == b"two"


# The handshake.


def test_nothing_comes_between_the_handshake_and_the_peers_first_words() -> None:
    """Tickets then would meet a client that writes in one thread and reads in another, in the middle of its words."""
    with talking() as ends:
        with pytest.raises(BlockingIOError):
            ends.client.socket.recv(1)
        ends.client.say(b"hello")
        assert ends.channel.receive_nowait() == b"hello"
        assert ends.client.socket.recv(1)


@both_versions
def test_a_handshake_byte_by_byte_with_a_socket_that_takes_little(version: ssl.TLSVersion) -> None:
    with unacquainted(version) as ends:
        ends.near.appetite = iter([1, 0, 10, 0, 0, 100] * 2)
        ends.client.portion = 1
        assert shake_hands(ends) == b""
        assert ends.channel.send_nowait(b"welcome") == 7
        ends.client.listen()
        assert ends.client.heard == b"welcome"


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"\xff" * 100, b"\x16\x03\x01\x00\x05hello"])
def test_what_is_no_handshake(said: bytes) -> None:
    with unacquainted() as ends:
        ends.client.socket.sendall(said)
        with pytest.raises(ssl.SSLError):
            ends.channel.shake_hands()
        if said.startswith(b"\x16"):
            assert ends.client.socket.recv(100).startswith(b"\x15"), "an alert tells the peer"


def test_half_a_handshake() -> None:
    with unacquainted() as ends:
        ends.client.socket.sendall(bytes.fromhex("16030100c8010000c40303") + bytes(20))
        assert ends.channel.shake_hands() is None
        assert ends.channel.shake_hands() is None
        ends.client.socket.close()
        with pytest.raises(ConnectionResetError):
            ends.channel.shake_hands()


# The end.


@both_versions
def test_each_way_ends_by_itself(version: ssl.TLSVersion) -> None:
    with talking(version) as ends:
        assert ends.channel.send_nowait(b"bye") == 3
        assert ends.channel.finish_nowait()
        ends.client.listen()
        assert (bytes(ends.client.heard), ends.client.ended) == (b"bye", True)
        with pytest.raises(ssl.SSLError):
            ends.channel.send_nowait(b"one more thing")
        ends.client.say(b"see you")
        assert ends.channel.receive_nowait() == b"see you"
        ends.client.socket.sendall(ends.client.say_goodbye())
        assert ends.channel.receive_nowait() == b""


def test_a_goodbye_waits_for_what_was_said_before() -> None:
    with talking() as ends:
        ends.near.appetite = iter([10, 0, 100, 0, 7])
        assert ends.channel.send_nowait(bytes(1000)) == 999
        tries = 0
        while not ends.channel.finish_nowait():
            tries += 1
            ends.client.listen()
        assert tries > 2
        ends.client.listen()
        assert (bytes(ends.client.heard), ends.client.ended) == (bytes(1000), True)


@both_versions
def test_the_peer_ends(version: ssl.TLSVersion) -> None:
    with talking(version) as ends:
        ends.client.socket.sendall(ends.client.encrypt(b"last words") + ends.client.say_goodbye())
        assert ends.channel.receive_nowait() == b"last words"
        assert select.select([ends.near], [], [], 0)[0], "who waits must be woken: no more bytes will come"
        assert ends.channel.receive_nowait() == b""
        assert ends.channel.receive_nowait() == b""
        assert ends.channel.send_nowait(b"noted") == 5
        ends.client.listen()
        assert ends.client.heard == b"noted"


def test_the_end_of_the_stream_is_the_end() -> None:
    with talking() as ends:
        ends.client.socket.sendall(ends.client.encrypt(b"cut off")[:-1])
        ends.client.socket.close()
        assert ends.channel.receive_nowait() is None
        assert ends.channel.receive_nowait() == b""


# What no honest peer does.


def spoilt(client: Client) -> bytes:
    record = bytearray(client.encrypt(b"spoilt"))
    record[-1] ^= 1
    return bytes(record)


@pytest.mark.parametrize("before", [b"", b"good"])
@pytest.mark.parametrize(
    "make",
    [
        spoilt,
        lambda _client: b"GET / HTTP/1.1\r\n",
        lambda _client: b"\x17\x03\x03\xff\xff",
        lambda _client: b"\x17\x03\x03\x00\x00",
        lambda _client: b"\x16\x03\x03\x00\x04\x00\x00\x00\x00",
    ],
    ids=["spoilt", "in clear", "too long", "empty", "a handshake in clear"],
)
def test_what_is_no_tls(make: Callable[[Client], bytes], before: bytes) -> None:
    with talking() as ends:
        good = ends.client.encrypt(before) if before else b""
        ends.client.socket.sendall(good + make(ends.client))
        if before:
            assert ends.channel.receive_nowait() == before
            assert select.select([ends.near], [], [], 0)[0]
        with pytest.raises(ssl.SSLError):
            ends.channel.receive_nowait()
        with pytest.raises(ssl.SSLError):
            ends.channel.receive_nowait()
        assert ends.channel.finish_nowait()
        with pytest.raises(ssl.SSLError):
            ends.client.listen()  # to the alert


def test_a_handshake_in_the_middle_is_refused() -> None:
    with talking(TLS_1_2) as ends:
        ends.client.begin_again()
        assert not ends.channel.receive_nowait()
        with pytest.raises(ssl.SSLError, match=r"(?i)no.renegotiation"):
            ends.client.listen()


def test_keys_are_changed_and_the_order_stays() -> None:
    with talking() as ends:
        for number in range(30):
            word = b"%d " % number
            ends.client.socket.sendall(ends.client.encrypt(word) + ends.client.change_keys(ask=number % 2 == 0))
            assert ends.channel.receive_nowait() == word
            assert ends.channel.send_nowait(word) == len(word)
            ends.client.listen()
        assert ends.client.heard == b"".join(b"%d " % number for number in range(30))


@pytest.mark.parametrize("ask", [True, False])
def test_who_talks_about_nothing_but_tls_is_left(ask: bool) -> None:
    with talking() as ends:
        record = b"".join(ends.client.change_keys(ask=ask) for _ in range(1000))
        ends.client.socket.sendall(record + ends.client.encrypt(b"now"))
        with pytest.raises(ConnectionAbortedError):
            ends.channel.receive_nowait()
        assert ends.channel.unsent < 3000


def test_who_has_tls_answer_and_reads_nothing_is_left() -> None:
    with talking() as ends:
        ends.near.appetite = iter(lambda: 0, 1)
        ends.channel.send_nowait(bytes(100_000))
        with pytest.raises(ConnectionAbortedError):
            for _ in range(10_000):
                ends.client.socket.sendall(ends.client.change_keys())
                assert ends.channel.receive_nowait() is None
        assert ends.channel.unsent < tls_channel._MAX_UNSENT + 100


STEPS = ["is told", "says", "says half", "is full", "changes keys", "spoils", "ends"]


@given(steps=st.lists(st.tuples(st.integers(0, 2), st.sampled_from(STEPS)), max_size=40))
@example([(0, "spoils"), (1, "says"), (2, "is told")])
@example([(0, "is full"), (0, "is told"), (1, "is told"), (0, "is told")])
@example([(0, "changes keys"), (2, "is told"), (2, "says"), (0, "is told")])
def test_connections_that_share_buffers_get_each_its_own(steps: Sequence[tuple[int, str]]) -> None:
    with ExitStack() as stack:
        strangers = [stack.enter_context(unacquainted(version)) for version in (TLS_1_3, TLS_1_2, TLS_1_3)]
        shaking = strangers
        for _ in range(3):  # all at the same time
            for ends in strangers:
                ends.client.shake_hands()
            shaking = [ends for ends in shaking if ends.channel.shake_hands() is None]
        assert not shaking
        connections = [Acquainted(ends) for ends in strangers]
        for number, (who, what) in enumerate(steps):
            connections[who].take_step(what, noise(3000 * (number + 1), number))
            assert not (BUFFERS.incoming.pending or BUFFERS.outgoing.pending)
        for connection in connections:
            connection.come_to_an_end()


class Acquainted:
    """A connection, and what its two ends should have heard."""

    def __init__(self, ends: Ends) -> None:
        self.ends = ends
        self.to_client = self.to_server = self.heard = b""
        self.rest = b""
        self.is_over = False

    def take_step(self, what: str, data: bytes) -> None:
        channel, client = self.ends.channel, self.ends.client
        if self.is_over:
            return
        if what == "is told":
            taken = channel.send_nowait(data)
            self.to_client += data[:taken]
            if 0 < taken < len(data):
                finish(self.ends, data[taken:])
                self.to_client += data[taken:]
        elif what == "is full":
            self.ends.near.appetite = iter([100, 0, 0])
        elif what == "spoils":
            client.socket.sendall(self.rest + spoilt(client))
            self.rest = b""
            with pytest.raises(ssl.SSLError):
                while True:
                    self.hear()
            self.is_over = True
        elif what == "ends":
            self.is_over = True
            while not channel.finish_nowait():
                client.listen()
        else:
            if what == "changes keys" and client.tls.version() == "TLSv1.3":
                record = client.change_keys()
            else:
                record = client.encrypt(data)
                self.to_server += data
            said = self.rest + record
            kept = len(record) // 2 if what == "says half" else 0
            client.socket.sendall(said[: len(said) - kept])
            self.rest = said[len(said) - kept :]
            self.hear()

    def hear(self) -> None:
        self.heard += self.ends.channel.receive_nowait() or b""

    def come_to_an_end(self) -> None:
        if not self.is_over:
            self.ends.client.socket.sendall(self.rest)
            self.hear()
            finish(self.ends, b"the end")
            self.ends.client.listen()
            assert self.heard == self.to_server
            assert self.ends.client.heard == self.to_client + b"the end"


def test_what_a_fault_leaves_reaches_nobody_else() -> None:
    with talking() as broken, talking() as other:
        broken.client.say(b"one")
        broken.client.say(b"two")

        class Faulty:
            def read(self, _size: int) -> bytes:
                raise MemoryError

        vars(broken.channel)["_tls"] = Faulty()
        with pytest.raises(MemoryError):
            broken.channel.receive_nowait()
        other.client.say(b"fine")
        assert other.channel.receive_nowait() == b"fine"


def test_the_buffers_stay_small() -> None:
    """What OpenSSL buffers in memory never shrinks again, and the smaller it is, the longer a cache keeps it."""
    with talking() as ends:
        most = {"in": 0, "out": 0}
        tls = ends.channel._tls

        class Watching:
            def __getattr__(self, name: str) -> object:
                return getattr(tls, name)

            def read(self, size: int) -> bytes:
                most["in"] = max(most["in"], BUFFERS.incoming.pending)
                return tls.read(size)

            def write(self, data: bytes) -> int:
                result = tls.write(data)
                most["out"] = max(most["out"], BUFFERS.outgoing.pending)
                return result

        vars(ends.channel)["_tls"] = Watching()
        ends.channel.send_nowait(bytes(1 << 20))
        for _ in range(3):
            ends.client.say(bytes(200_000))
            while ends.channel.receive_nowait():
                pass
        assert 10_000 < most["in"] < 85_000
        assert 10_000 < most["out"] < 67_000
