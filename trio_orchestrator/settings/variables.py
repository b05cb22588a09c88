"""The one table of settings: flags, parsing, documentation and the text of errors all come from it."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from . import files, values

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Variable(Generic[_Value]):
    """One setting: an environment variable that is also a flag.

    Attributes:
        name: the environment variable.
        parse: text → value; raises `values.Unfit`.
        default: the text that counts where none is given; None where the setting is then absent.
        metavar: what the help calls the value.
        expects: what a right value is, as the end of the sentence "give …".
        meaning: what the setting does, in a line.
        bare: the text that the flag alone stands for; None where it needs a value.
    """

    name: str
    parse: Callable[[str], _Value]
    default: str | None
    metavar: str
    expects: str
    meaning: str
    bare: str | None = None

    @property
    def flag(self) -> str:
        """The flag: `HTTP_PORT` → `--http-port`."""
        return "--" + self.name.lower().replace("_", "-")


_PORT = "a port from 0 to 65535 (0 picks a free one)"
_SECONDS = f"seconds greater than 0, like 10 or 2.5, up to {values.MAX_SECONDS:.0f}"
_LEVELS: Final = ("debug", "info", "warning", "error", "critical")
_FORMATS: Final = ("text", "json")
_ALGORITHMS: Final = ("RS256", "ES256", "EdDSA")

_MAX_NUMBER: Final = 1_000_000


def _bytes(name: str, default: str, least: int, meaning: str) -> Variable[int]:
    expects = f"a number of bytes from {least} to {values.MAX_BYTES}"
    return Variable(name, values.whole_number(least, values.MAX_BYTES), default, "BYTES", expects, meaning)


def _number(name: str, default: str, least: int, meaning: str) -> Variable[int]:
    expects = f"a number from {least} to {_MAX_NUMBER}"
    return Variable(name, values.whole_number(least, _MAX_NUMBER), default, "NUMBER", expects, meaning)


def _duration(name: str, default: str, meaning: str) -> Variable[float]:
    return Variable(name, values.seconds, default, "SECONDS", _SECONDS, meaning)


# fmt: off
HOST: Final = Variable(
    "HOST", values.host, None, "ADDRESS", "an address like 127.0.0.1 or ::1, or a host name, without a port",
    "address to listen on; all interfaces where unset",
)
HTTP_PORT: Final = Variable(
    "HTTP_PORT", values.port_or_off, "80", "PORT", f"{_PORT}, or `off`",
    "plain port; 0 picks a free one; `off` closes it",
)
HTTPS_PORT: Final = Variable(
    "HTTPS_PORT", values.port, "443", "PORT", _PORT,
    "TLS port, open when SSL_CERT and SSL_KEY are set; 0 picks a free one",
)
ADMIN_PORT: Final = Variable(
    "ADMIN_PORT", values.port_or_off, None, "PORT", f"{_PORT}, or `off`",
    "plain port for `/metrics`, `/readyz` and `/healthz`; the first two are on the main ports where unset or `off`",
)
FORWARDED_ALLOW_IPS: Final = Variable(
    "FORWARDED_ALLOW_IPS", values.networks, None, "ADDRESSES",
    "addresses and networks with commas between them, like 127.0.0.1,10.0.0.0/8",
    "reverse proxies whose word is taken for their client's address (`X-Forwarded-For`, `Forwarded`); none where unset",
)
SSL_CERT: Final = Variable(
    "SSL_CERT", files.readable_file, None, "FILE", "the path of a PEM file with the server's certificate",
    "PEM file of the TLS certificate and those between it and the root",
)
SSL_KEY: Final = Variable(
    "SSL_KEY", files.readable_secret, None, "FILE",
    "the path of a PEM file with the private key of SSL_CERT, without a passphrase",
    "PEM file of the TLS certificate's private key",
)
PUBLIC_KEY: Final = Variable(
    "PUBLIC_KEY", files.public_key, None, "KEY",
    "the issuer's public key (RSA of at least 2048 bits, P-256 or Ed25519): a PEM file's path, or the PEM text",
    "the key that signs tokens: a PEM file's path, or the PEM text",
)
JWKS_URL: Final = Variable(
    "JWKS_URL", values.web_address, None, "URL", "a URL like https://issuer.example/certs, of a set of keys (RFC 7517)",
    "where the issuer publishes the keys that sign tokens, in place of PUBLIC_KEY",
)
TOKEN_ALGORITHMS: Final = Variable(
    "TOKEN_ALGORITHMS", values.some_of(*_ALGORITHMS), "RS256", "NAMES",
    f"any of {', '.join(_ALGORITHMS)}, separated by commas",
    "what tokens may be signed with: " + ", ".join(f"`{name}`" for name in _ALGORITHMS),
)
AUDIENCE: Final = Variable(
    "AUDIENCE", values.words, None, "NAME", "the audience (`aud`) that tokens are made for", "the token audience"
)
CLIENT_ROLE: Final = Variable(
    "CLIENT_ROLE", values.words, None, "ROLE", "the role that a client's token must hold",
    "role needed on `/client` and over HTTP (see PUBLIC_TIMELINES)",
)
PROCESSOR_ROLE: Final = Variable(
    "PROCESSOR_ROLE", values.words, None, "ROLE", "the role that a processor's token must hold",
    "role needed on `/processor`",
)
ADMIN_ROLE: Final = Variable(
    "ADMIN_ROLE", values.words, None, "ROLE", "the role that a token must hold to erase objects and read the audit",
    "role needed to erase objects and to read `/audit`; without it nobody can where tokens are asked for",
)
ALLOW_ANONYMOUS_ERASE: Final = Variable(
    "ALLOW_ANONYMOUS_ERASE", values.boolean, "false", "true|false", "true or false",
    "where no tokens are asked for, let everybody erase objects",
    bare="true",
)
PROCESSOR_ID_CLAIM: Final = Variable(
    "PROCESSOR_ID_CLAIM", values.words, None, "CLAIM",
    "the name of the claim of a processor's token that names its camera, or its path, joined by dots",
    "claim whose value (a string, or one of several) a processor's `identifier` must equal; any where unset",
)
PUBLIC_TIMELINES: Final = Variable(
    "PUBLIC_TIMELINES", values.boolean, "false", "true|false", "true or false",
    "with client authentication on, leave `/timelines` and `/objectIds` open to everybody",
    bare="true",
)
ALLOWED_ORIGINS: Final = Variable(
    "ALLOWED_ORIGINS", values.origins, None, "ORIGINS",
    "origins like https://interface.example, separated by commas, or nothing for any",
    "web pages whose WebSockets are let in, others get HTTP status 403; any where unset",
)
AUTH_TIMEOUT: Final = _duration("AUTH_TIMEOUT", "10", "seconds a socket may stay unauthenticated")
TRACKING_TIMEOUT: Final = Variable(
    "TRACKING_TIMEOUT", values.seconds, None, "SECONDS", f"{_SECONDS}, or nothing for no timeout",
    "seconds (fractions allowed) after which an object stops being tracked; never where unset",
)
VISIT_GAP: Final = Variable(
    "VISIT_GAP", values.seconds, "3", "SECONDS", _SECONDS,
    "seconds without a sighting after which an object is no longer on a camera",
)
ANSWER_TIMEOUT: Final = _duration(
    "ANSWER_TIMEOUT", "10", "seconds a search may go unanswered before it has `failed`"
)
RETENTION_DAYS: Final = Variable(
    "RETENTION_DAYS", values.days, None, "DAYS",
    f"days greater than 0, like 30 or 0.5, up to {values.MAX_DAYS:.0f}, or nothing to keep all",
    "days (fractions allowed) after the end of its tracking when an object is erased; never where unset",
)
DATABASE_URL: Final = Variable(
    "DATABASE_URL", values.database_url, "sqlite:///orchestrator.db", "URL",
    "a URL like sqlite:///orchestrator.db, of a database whose Python driver is installed",
    "where objects and sightings live, as an SQLAlchemy URL",
)
MAX_CONNECTIONS: Final = _number(
    "MAX_CONNECTIONS", "4096", 1, "how many connections there may be; one more gets HTTP status 503",
)
MAX_CONNECTIONS_PER_ADDRESS: Final = _number(
    "MAX_CONNECTIONS_PER_ADDRESS", "1024", 1,
    "how many of them may be from one address (IPv6: one network of 64 bits); one more gets HTTP status 429",
)
MAX_OBJECTS: Final = _number(
    "MAX_OBJECTS", "10000", 1, "how many objects may be tracked at a time; one more gets the error `limit_reached`",
)
MAX_MESSAGE_BYTES: Final = _bytes(
    "MAX_MESSAGE_BYTES", "10485760", 1, "largest message accepted, in bytes; larger closes with 1009",
)
MAX_IMAGE_BYTES: Final = _bytes(
    "MAX_IMAGE_BYTES", "10485760", 2, "longest `image`, in bytes as it comes; longer gets the error `too_large`",
)
MAX_FEATURE_MAP_BYTES: Final = _bytes(
    "MAX_FEATURE_MAP_BYTES", "10485760", 2, "longest `featureMap`, likewise",
)
MAX_OUTBOX_BYTES: Final = _bytes("MAX_OUTBOX_BYTES", "4194304", 1, "how many bytes may wait for one peer")
MAX_REQUEST_HEAD_BYTES: Final = _bytes(
    "MAX_REQUEST_HEAD_BYTES", "16384", 1024, "longest head of an HTTP request accepted; longer gets status 431",
)
REQUEST_HEAD_TIMEOUT: Final = _duration(
    "REQUEST_HEAD_TIMEOUT", "10", "seconds for the head of the first request, and for opening a WebSocket",
)
TLS_HANDSHAKE_TIMEOUT: Final = _duration("TLS_HANDSHAKE_TIMEOUT", "10", "seconds for the handshake of TLS")
WRITE_TIMEOUT: Final = _duration(
    "WRITE_TIMEOUT", "5", "seconds a peer's socket may take nothing before it is disconnected",
)
PING_INTERVAL: Final = _duration("PING_INTERVAL", "20", "seconds of silence after which a peer is pinged")
PING_TIMEOUT: Final = _duration("PING_TIMEOUT", "20", "seconds it then has to say anything at all")
CLOSE_TIMEOUT: Final = _duration("CLOSE_TIMEOUT", "2", "seconds closing a connection may take before it is cut")
LOG_LEVEL: Final = Variable(
    "LOG_LEVEL", values.one_of(*_LEVELS), "info", "LEVEL", f"one of {', '.join(_LEVELS)}",
    "how much is logged: " + ", ".join(f"`{level}`" for level in _LEVELS),
)
LOG_FORMAT: Final = Variable(
    "LOG_FORMAT", values.one_of(*_FORMATS), "text", "FORMAT", "text or json",
    "`text` for humans, `json` for one object a line",
)
# fmt: on

LIMITS: Final[tuple[Variable[Any], ...]] = (
    MAX_CONNECTIONS,
    MAX_CONNECTIONS_PER_ADDRESS,
    MAX_OBJECTS,
    MAX_MESSAGE_BYTES,
    MAX_IMAGE_BYTES,
    MAX_FEATURE_MAP_BYTES,
    MAX_OUTBOX_BYTES,
    MAX_REQUEST_HEAD_BYTES,
    REQUEST_HEAD_TIMEOUT,
    TLS_HANDSHAKE_TIMEOUT,
    WRITE_TIMEOUT,
    PING_INTERVAL,
    PING_TIMEOUT,
    CLOSE_TIMEOUT,
)
"""What one peer, and all together, may cost; each has a default."""

VARIABLES: Final[tuple[Variable[Any], ...]] = (
    HOST,
    HTTP_PORT,
    HTTPS_PORT,
    ADMIN_PORT,
    FORWARDED_ALLOW_IPS,
    SSL_CERT,
    SSL_KEY,
    PUBLIC_KEY,
    JWKS_URL,
    TOKEN_ALGORITHMS,
    AUDIENCE,
    CLIENT_ROLE,
    PROCESSOR_ROLE,
    ADMIN_ROLE,
    ALLOW_ANONYMOUS_ERASE,
    PROCESSOR_ID_CLAIM,
    PUBLIC_TIMELINES,
    ALLOWED_ORIGINS,
    AUTH_TIMEOUT,
    TRACKING_TIMEOUT,
    VISIT_GAP,
    ANSWER_TIMEOUT,
    RETENTION_DAYS,
    DATABASE_URL,
    *LIMITS,
    LOG_LEVEL,
    LOG_FORMAT,
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Declare a flag for each variable; values stay text until `Settings.load` reads the namespace.

    A flag that was not given leaves no attribute, so parsers of subcommands may share a namespace.
    """
    group = parser.add_argument_group("settings", "each is also an environment variable; a flag wins")
    for variable in VARIABLES:
        default = "" if variable.default is None else f" (default: {variable.default})"
        help_text = f"{variable.name}: {variable.meaning}{default}".replace("%", "%%")
        group.add_argument(
            variable.flag,
            dest=variable.name,
            metavar=variable.metavar,
            nargs=None if variable.bare is None else "?",
            const=variable.bare,
            default=argparse.SUPPRESS,
            help=help_text,
        )


def markdown_table() -> str:
    """The settings as the documentation shows them."""
    rows = ["| variable | flag | default | meaning |", "|---|---|---|---|"]
    for variable in VARIABLES:
        default = "–" if variable.default is None else f"`{variable.default}`"  # noqa: RUF001
        rows.append(f"| `{variable.name}` | `{variable.flag}` | {default} | {variable.meaning} |")
    return "\n".join(rows) + "\n"
