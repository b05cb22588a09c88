"""Answers as bytes: JSON, or CSV where that is asked for; long ones in bounded pieces, made in worker threads."""

import csv
import io
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from trio_orchestrator.store.errors import StoreError

from .errors import complain

_Place = TypeVar("_Place")

JSON: Final = "application/json"
CSV: Final = "text/csv"

# What is told of people is not for caches, and no browser is to take it for a page.
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Vary": "Accept, Authorization"}
# A spreadsheet takes a cell that begins so for a formula (OWASP, "CSV Injection"), and where it expects others than
# commas between cells, what stands behind one of those for a cell.
_FORMULA: Final = re.compile(r"^(?=[\t\r\n])|(?:^|(?<=[;\t\r\n]))(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")

_encode = msgspec.json.Encoder().encode


class Form(Protocol):
    """One way to write many rows; used for one answer."""

    @property
    def media_type(self) -> str:
        """What it is."""

    def head(self) -> bytes:
        """What stands before all rows."""

    def rows(self, rows: Sequence[Struct]) -> bytes:
        """The next rows."""

    def end(self, cursor: str | None) -> bytes:
        """What stands behind all rows."""


class JsonForm:
    """A JSON array; as a member of an object with a `cursor` beside it, where the member has a name."""

    media_type: Final = JSON

    def __init__(self, member: str | None) -> None:
        self._member = member
        self._before = b""

    def head(self) -> bytes:
        """See `Form`."""
        return b"[" if self._member is None else b'{"%b":[' % self._member.encode()

    def rows(self, rows: Sequence[Struct]) -> bytes:
        """See `Form`."""
        if not rows:
            return b""
        text = self._before + b",".join(map(_encode, rows))
        self._before = b","
        return text

    def end(self, cursor: str | None) -> bytes:
        """See `Form`."""
        return b"]" if self._member is None else b'],"cursor":%b}' % _encode(cursor)


class CsvForm:
    """A line a row behind a line of names (RFC 4180); members of members are `outer.inner`."""

    media_type: Final = f"{CSV}; charset=utf-8; header=present"

    def __init__(self, kind: type[Struct]) -> None:
        self._names = list(_names(kind))

    def head(self) -> bytes:
        """See `Form`."""
        return _lines([self._names])

    def rows(self, rows: Sequence[Struct]) -> bytes:
        """See `Form`."""
        cells = (dict(_cells(msgspec.to_builtins(row))) for row in rows)
        return _lines([row.get(name, "") for name in self._names] for row in cells)

    def end(self, cursor: str | None) -> bytes:
        """See `Form`; a cursor stands in the header `Link`."""
        return b""


def form_for(request: Request, kind: type[Struct], member: str | None) -> Form:
    """The form that `Accept` asks for (RFC 9110, section 12.5.1): CSV where it is liked better than JSON."""
    accept = ", ".join(request.headers.getlist("Accept")) or "*/*"
    return CsvForm(kind) if _liking(accept, CSV) > _liking(accept, JSON) else JsonForm(member)


def whole(request: Request, form: Form, rows: Sequence[Struct], cursor: str | None = None) -> Response:
    """One answer of few rows."""
    headers = dict(_HEADERS)
    if cursor is not None:
        url = request.url.include_query_params(cursor=cursor)
        headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    return Response(form.head() + form.rows(rows) + form.end(cursor), headers=headers, media_type=form.media_type)


def one(answer: Struct) -> Response:
    """One answer of one object."""
    return Response(_encode(answer), headers=_HEADERS, media_type=JSON)


class Pieces(Generic[_Place]):
    """A long answer, piece by piece, each made when it is asked for; one of them in advance, so that it can fail.

    Not an async generator: whoever goes away in the middle would leave that to be closed by nobody.

    Args:
        make: makes the piece that begins behind a place (None: at the beginning), and tells where the next begins
            (None: nowhere, it is the last).
        end: makes what stands behind the last.
    """

    def __init__(
        self, make: Callable[[_Place | None], Awaitable[tuple[bytes, _Place | None]]], end: Callable[[], bytes]
    ) -> None:
        self._make = make
        self._end = end
        self._place: _Place | None = None
        self._made: bytes | None = None
        self._is_last = self._has_ended = False

    async def begin(self, head: bytes, after: _Place | None = None) -> bool:
        """Make the first piece, to be told behind `head`; whether there is anything in it."""
        self._place = after
        piece = await self._next()
        self._made = head + piece
        if self._is_last:
            self._made += self._end()
            self._has_ended = True
        return bool(piece)

    @property
    def whole(self) -> bytes | None:
        """The answer, once begun, where the first piece is all of it."""
        return self._made if self._has_ended else None

    def __aiter__(self) -> "Pieces[_Place]":
        return self

    async def __anext__(self) -> bytes:
        piece, self._made = self._made, None
        while not piece:
            if self._has_ended:
                raise StopAsyncIteration
            if self._is_last:
                self._has_ended = True
                piece = self._end()
            else:
                piece = await self._next()
        return piece

    async def _next(self) -> bytes:
        piece, self._place = await self._make(self._place)
        self._is_last = self._place is None
        return piece


def streamed(form: Form, pieces: Pieces[Any]) -> Response:
    """One answer of any length."""
    return in_pieces(pieces, _HEADERS, form.media_type)


def in_pieces(pieces: Pieces[Any], headers: Mapping[str, str], media_type: str) -> Response:
    """Likewise, with these headers; a short one goes whole, with its length in front."""
    if pieces.whole is not None:
        return Response(pieces.whole, headers=headers, media_type=media_type)
    return _Streaming(pieces, headers=headers, media_type=media_type)


class _Streaming(StreamingResponse):
    """Breaks off where the database fails in the middle: what has been sent cannot be taken back.

    The answer is left without its end, so that nobody takes a part for the whole.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See `StreamingResponse`."""
        if scope["method"] == "HEAD":  # the rest would be read for nobody
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await send({"type": "http.response.body"})
            return
        try:
            await super().__call__(scope, receive, send)
        except* StoreError as group:
            complain(scope, "an answer was broken off", group.exceptions[0])


def _lines(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8", "replace")


def _names(kind: type[Struct]) -> Iterable[str]:
    for member in msgspec.inspect.type_info(kind).fields:  # type: ignore[attr-defined]
        types = getattr(member.type, "types", (member.type,))
        nested = next((one.cls for one in types if isinstance(one, msgspec.inspect.StructType)), None)
        if nested is None:
            yield member.encode_name
        else:
            yield from (f"{member.encode_name}.{name}" for name in _names(nested))


def _cells(row: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, object]]:
    for name, value in row.items():
        if isinstance(value, dict):
            yield from _cells(value, f"{prefix}{name}.")
        elif isinstance(value, bool):
            yield prefix + name, "true" if value else "false"
        elif isinstance(value, str):
            yield prefix + name, _FORMULA.sub("'", value)
        elif value is not None:
            yield prefix + name, value


def _liking(accept: str, media_type: str) -> float:
    """How much `accept` likes `media_type`, from 0 to 1: by what in it names the type most closely."""
    kind = media_type.partition("/")[0]
    likings: dict[str, float] = {}
    for part in accept.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            key, _, text = parameter.partition("=")
            if key.strip() == "q":
                quality = _quality(text.strip())
        likings[name] = max(quality, likings.get(name, 0.0))
    return next((likings[name] for name in (media_type, f"{kind}/*", "*/*") if name in likings), 0.0)


def _quality(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
