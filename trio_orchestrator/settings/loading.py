"""Environment and flags → one frozen, checked `Settings`, or one line that says what does not fit."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

from sqlalchemy.engine import URL

from . import variables
from .files import TlsFiles, UnfitPair, check_pair
from .given import Given, SettingsError
from .tokens import TokenSettings, load_tokens
from .values import Networks

_MASK: Final = "***"


@dataclass(frozen=True, slots=True, repr=False)
class Settings:
    """Everything a server can be told, checked; `repr` shows no secret.

    Attributes:
        host: address or host name to listen on; None for all interfaces.
        http_port: plain port; 0 picks a free one, None is closed.
        https_port: TLS port, open where `tls` is set; 0 picks a free one.
        admin_port: port for the metrics and the like; 0 picks a free one, None where they are on the others.
        forwarded_allow_ips: reverse proxies whose word is taken for their client's address.
        tls: certificate and key; None where TLS is off.
        tokens: how tokens are checked; None where no peer needs one.
        allow_anonymous_erase: whether everybody may erase objects where no peer needs a token.
        public_timelines: whether the two HTTP routes need no token even where clients need one.
        allowed_origins: web pages whose WebSockets are let in; None for any.
        auth_timeout: seconds a socket may stay unauthenticated.
        tracking_timeout: seconds after which an object stops being tracked; None for never.
        visit_gap: seconds without a sighting after which an object is no longer on a camera.
        answer_timeout: seconds a search may go unanswered before it has failed.
        retention_days: days after the end of its tracking after which an object is erased; None for never.
        database_url: where objects and sightings live; its `str` masks the password.
        max_connections: how many connections there may be.
        max_connections_per_address: how many of them may be from one address.
        max_objects: how many objects may be tracked at a time.
        max_message_bytes: size of the largest message accepted.
        max_image_bytes: size of the largest image accepted, as JSON.
        max_feature_map_bytes: size of the largest feature map accepted, as JSON.
        max_outbox_bytes: how many bytes may wait for one peer.
        max_request_head_bytes: size of the largest head of a request accepted.
        request_head_timeout: seconds for the head of the first request, and for opening a WebSocket.
        tls_handshake_timeout: seconds for the handshake of TLS.
        write_timeout: seconds a peer's socket may take nothing before it is disconnected.
        ping_interval: seconds of silence after which a peer is pinged.
        ping_timeout: seconds it then has to say anything at all.
        close_timeout: seconds closing a connection may take before it is cut.
        log_level: `debug`, `info`, `warning`, `error` or `critical`.
        log_format: `text` or `json`.
    """

    host: str | None
    http_port: int | None
    https_port: int
    admin_port: int | None
    forwarded_allow_ips: Networks
    tls: TlsFiles | None
    tokens: TokenSettings | None
    allow_anonymous_erase: bool
    public_timelines: bool
    allowed_origins: frozenset[str] | None
    auth_timeout: float
    tracking_timeout: float | None
    visit_gap: float
    answer_timeout: float
    retention_days: float | None
    database_url: URL
    max_connections: int
    max_connections_per_address: int
    max_objects: int
    max_message_bytes: int
    max_image_bytes: int
    max_feature_map_bytes: int
    max_outbox_bytes: int
    max_request_head_bytes: int
    request_head_timeout: float
    tls_handshake_timeout: float
    write_timeout: float
    ping_interval: float
    ping_timeout: float
    close_timeout: float
    log_level: str
    log_format: str

    @classmethod
    def load(cls, environment: Mapping[str, str], flags: argparse.Namespace | None = None) -> "Settings":
        """The settings that `environment` and `flags` (declared by `add_flags`) give; a flag wins.

        White space around a value does not count, and an empty value counts as none given.

        Raises:
            SettingsError: a value is none, or the values do not fit together.
        """
        given = Given(environment, flags)
        tls = _tls(given)
        http_port, https_port = _ports(given, tls)
        return cls(
            host=given.get(variables.HOST),
            http_port=http_port,
            https_port=https_port,
            admin_port=_admin_port(given, http_port, https_port if tls else None),
            forwarded_allow_ips=given.get(variables.FORWARDED_ALLOW_IPS) or (),
            tls=tls,
            tokens=load_tokens(given),
            allow_anonymous_erase=given.require(variables.ALLOW_ANONYMOUS_ERASE),
            public_timelines=given.require(variables.PUBLIC_TIMELINES),
            allowed_origins=given.get(variables.ALLOWED_ORIGINS),
            auth_timeout=given.require(variables.AUTH_TIMEOUT),
            tracking_timeout=given.get(variables.TRACKING_TIMEOUT),
            visit_gap=given.require(variables.VISIT_GAP),
            answer_timeout=given.require(variables.ANSWER_TIMEOUT),
            retention_days=given.get(variables.RETENTION_DAYS),
            database_url=given.require(variables.DATABASE_URL),
            log_level=given.require(variables.LOG_LEVEL),
            log_format=given.require(variables.LOG_FORMAT),
            **{limit.name.lower(): given.require(limit) for limit in variables.LIMITS},
        )

    def warnings(self) -> list[str]:
        """One line for each thing that stays open to everybody, and for each setting that has no effect."""
        client_role = self.tokens and self.tokens.client_role
        processor_role = self.tokens and self.tokens.processor_role
        keys = "CLIENT_ROLE" if self.tokens else "PUBLIC_KEY (or JWKS_URL), AUDIENCE and CLIENT_ROLE"
        lines = []
        if not client_role:
            lines.append(f"/client and what HTTP tells are open to everybody; set {keys} to ask for tokens")
        if not processor_role:
            keys = keys.replace("CLIENT_ROLE", "PROCESSOR_ROLE")
            lines.append(f"/processor is open to everybody; set {keys} to ask for tokens")
        if self.public_timelines and client_role:
            lines.append("/timelines and /objectIds are open to everybody; set PUBLIC_TIMELINES to false to close them")
        if self.public_timelines and not client_role:
            lines.append("PUBLIC_TIMELINES has no effect, as clients need no token; set CLIENT_ROLE, or leave it out")
        if self.allow_anonymous_erase and self.tokens is None:
            lines.append("everybody may erase objects; set ALLOW_ANONYMOUS_ERASE to false to forbid it")
        if self.allow_anonymous_erase and self.tokens is not None:
            lines.append("ALLOW_ANONYMOUS_ERASE has no effect, as tokens are asked for; leave it out")
        jwks_url = self.tokens and self.tokens.jwks_url
        if jwks_url and jwks_url.startswith("http:"):
            lines.append(
                "JWKS_URL is not https: who can change what the key server answers on its way here can sign tokens"
            )
        if self.tls is None and str(self.https_port) != variables.HTTPS_PORT.default:
            lines.append(f"HTTPS_PORT {self.https_port} is not opened, as TLS is off; set SSL_CERT and SSL_KEY as well")
        return lines

    def __repr__(self) -> str:
        members = ((member.name, getattr(self, member.name)) for member in fields(self))
        shown = (f"{name}={_masked(value)!r}" for name, value in members)
        return f"{type(self).__name__}({', '.join(shown)})"


def _masked(value: object) -> object:
    """The same value, without the password that a URL's query may hold (its `repr` masks the usual place)."""
    if not isinstance(value, URL):
        return value
    return value.set(query=dict.fromkeys(value.query, _MASK))


def _ports(given: Given, tls: TlsFiles | None) -> tuple[int | None, int]:
    http_port, https_port = given.require(variables.HTTP_PORT), given.require(variables.HTTPS_PORT)
    if http_port is None and tls is None:
        wrong = "it is `off` and TLS is not configured, so nothing would listen"
        raise given.error(variables.HTTP_PORT, wrong, "a port, or set SSL_CERT and SSL_KEY")
    if tls is not None and http_port == https_port != 0:
        wrong = f"it is {https_port}, and so is HTTP_PORT"
        raise given.error(variables.HTTPS_PORT, wrong, "each a port of its own")
    return http_port, https_port


def _admin_port(given: Given, *others: int | None) -> int | None:
    port = given.get(variables.ADMIN_PORT)
    if port and port in others:
        raise given.error(variables.ADMIN_PORT, f"it is {port}, and so is another one", "each a port of its own")
    return port


def _tls(given: Given) -> TlsFiles | None:
    certificate, key = given.get(variables.SSL_CERT), given.get(variables.SSL_KEY)
    if certificate is None and key is None:
        return None
    for variable, value, other in (
        (variables.SSL_CERT, certificate, "SSL_KEY"),
        (variables.SSL_KEY, key, "SSL_CERT"),
    ):
        if value is None:
            raise SettingsError(
                variable.name, f"it is not set, but {other} is", f"{variable.expects}, or leave out both"
            )
    assert certificate is not None
    assert key is not None
    try:
        return check_pair(TlsFiles(certificate, key))
    except UnfitPair as unfit:
        variable = variables.SSL_KEY if unfit.is_key else variables.SSL_CERT
        raise given.error(variable, str(unfit), variable.expects) from None
