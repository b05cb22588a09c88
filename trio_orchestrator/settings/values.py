"""Text → one value of a setting, or a sentence that says why it is none."""

import ipaddress
import math
import re
from collections.abc import Callable
from typing import Final, TypeAlias
from urllib.parse import SplitResult, urlsplit

from sqlalchemy import exc
from sqlalchemy.engine import URL, make_url

Networks: TypeAlias = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]

MAX_SECONDS: Final = 1_000_000_000.0  # 31 years; an instant that far away still fits every database
MAX_DAYS: Final = 10_000.0
MAX_BYTES: Final = 2**31 - 1
MAX_PORT: Final = 65535

_SHOWN_CHARACTERS: Final = 60
_DECIMAL: Final = re.compile(r"-?[0-9]+")
_MAX_DIGITS: Final = 18
_LABEL: Final = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST_NAME: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")  # RFC 1123, section 2.1
_BOOLEANS: Final = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


class Unfit(Exception):
    """A text is no value of its setting; `str` says what is wrong with it, and holds no secret."""


def shown(text: str) -> str:
    """`text` in quotes as an error may show it: on one line, nothing invisible in it, not too long."""
    return repr(text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…")


def host(text: str) -> str:
    """An IPv4 or IPv6 address (in brackets or not) or a host name; whether it is this machine's is not known yet."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        if not _HOST_NAME.fullmatch(bare) or "[" in text:
            raise Unfit(f"{shown(text)} is neither an address nor a host name") from None
    return bare


def port(text: str) -> int:
    """A TCP port; 0 picks a free one."""
    return whole_number(0, MAX_PORT)(text)


def port_or_off(text: str) -> int | None:
    """A TCP port, or None where the text is `off`."""
    return None if text.lower() == "off" else port(text)


def networks(text: str) -> Networks:
    """IP addresses and networks, with commas between them."""
    parts = [part.strip() for part in text.split(",")]
    try:
        return tuple(ipaddress.ip_network(part) for part in parts)
    except ValueError:
        raise Unfit(f"{shown(text)} is no list of addresses and networks") from None


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """A parser of decimal numbers from `least` to `most`."""

    def parse(text: str) -> int:
        if not _DECIMAL.fullmatch(text):
            raise Unfit(f"{shown(text)} is not a whole number")
        # The length first: Python refuses to read thousands of digits.
        if len(text) > _MAX_DIGITS or not least <= int(text) <= most:
            raise Unfit(f"{shown(text)} is not between {least} and {most}")
        return int(text)

    return parse


def seconds(text: str) -> float:
    """A length of time greater than 0, fractions allowed."""
    return _positive_number(text, MAX_SECONDS)


def days(text: str) -> float:
    """A length of time greater than 0, fractions allowed."""
    return _positive_number(text, MAX_DAYS)


def _positive_number(text: str, most: float) -> float:
    try:
        # `float` also takes digits of other scripts and `1_0`, which nobody means.
        number = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise Unfit(f"{shown(text)} is not a number")
    if number <= 0:
        raise Unfit(f"{shown(text)} is not greater than 0")
    if number > most:
        raise Unfit(f"{shown(text)} is more than {most:.0f}")
    return number


def boolean(text: str) -> bool:
    """True or false, in any of the usual spellings."""
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise Unfit(f"{shown(text)} is neither true nor false") from None


def one_of(*names: str) -> Callable[[str], str]:
    """A parser that takes any of the lower-case `names`, in upper or lower case."""

    def parse(text: str) -> str:
        if text.lower() not in names:
            raise Unfit(f"{shown(text)} is not known")
        return text.lower()

    return parse


def some_of(*names: str) -> Callable[[str], tuple[str, ...]]:
    """A parser of lists, separated by commas, of any of `names`, in upper or lower case; each counts once."""
    by_lower = {name.lower(): name for name in names}

    def parse(text: str) -> tuple[str, ...]:
        chosen = items(text)
        for item in chosen:
            if item.lower() not in by_lower:
                raise Unfit(f"{shown(item)} is not known")
        return tuple(dict.fromkeys(by_lower[item.lower()] for item in chosen))

    return parse


def items(text: str) -> list[str]:
    """What stands between commas, without the white space around it; at least one."""
    found = [item for part in text.split(",") if (item := part.strip())]
    if not found:
        raise Unfit("there is nothing between the commas")
    return found


def origins(text: str) -> frozenset[str]:
    """Web origins (RFC 6454), separated by commas, as browsers write them in `Origin`: without a default port."""
    return frozenset(_origin(item) for item in items(text))


def _origin(text: str) -> str:
    parts = _web_address(text)
    if parts.path not in ("", "/") or parts.query or not text.isascii():
        raise Unfit(f"{shown(text)} is not an origin")
    assert parts.hostname is not None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    default = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" + ("" if parts.port in (None, default) else f":{parts.port}")


def web_address(text: str) -> str:
    """A URL of HTTP or HTTPS without a user or a fragment."""
    _web_address(text)
    return text


def _web_address(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - raises where there is none
    except ValueError:
        raise Unfit("this is not a URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Unfit("this is not a URL that begins with http:// or https:// and a host")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise Unfit("this holds characters that no URL holds")
    if "@" in parts.netloc:
        raise Unfit("this holds a user, which would be sent to nobody")
    if "#" in text:
        raise Unfit("this holds a fragment, which would be sent to nobody")
    return parts


def words(text: str) -> str:
    """Any text that can be part of a token."""
    if not text.isprintable():
        raise Unfit(f"{shown(text)} holds characters that cannot be seen")
    return text


def database_url(text: str) -> URL:
    """A database as SQLAlchemy names it, with a driver that is installed and does not need asyncio.

    The text is never repeated in an error: it may hold a password, also where it is malformed.
    """
    try:
        url = make_url(text)
    except (exc.ArgumentError, ValueError):
        raise Unfit("this is not the URL of a database") from None
    driver = shown(url.drivername)
    try:
        dialect = url.get_dialect()
        if dialect.is_async:
            raise Unfit(f"the driver of {driver} needs asyncio, which is not running here")
        dialect.import_dbapi()
    except (exc.NoSuchModuleError, AttributeError, NotImplementedError):
        # The two others are what SQLAlchemy's own modules raise that are named like drivers but are none.
        raise Unfit(f"SQLAlchemy knows no database {driver}") from None
    except ImportError as error:
        missing = shown(error.name or url.get_driver_name())
        extra = "; it comes with the extra [postgres]" if url.get_driver_name() == "psycopg" else ""
        raise Unfit(f"the driver of {driver} is not installed (Python package {missing}){extra}") from None
    except exc.SQLAlchemyError:
        raise Unfit("this is not the URL of a database") from None
    return url
