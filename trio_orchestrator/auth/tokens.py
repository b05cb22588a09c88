"""A token → the identity it proves, or an error that says why it proves none (PROTOCOL: Authentication)."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import jwt

from trio_orchestrator.protocol.errors import Forbidden, Unauthenticated
from trio_orchestrator.settings import TokenSettings

from .keys import Keys

LEEWAY: Final = 10.0  # seconds by which the issuer's clock and ours may differ
MAX_TOKEN_CHARACTERS: Final = 65_536

_REQUIRED_CLAIMS: Final = ("exp", "aud")
_END_OF_TIME: Final = 253_402_300_800  # the year 10000: an `exp` in milliseconds lies far beyond, in seconds before

# What a peer is told about each kind of fault, the narrowest kinds first: never anything out of the token.
_FAULTS: Final[tuple[tuple[type[jwt.PyJWTError], str], ...]] = (
    (jwt.ExpiredSignatureError, "the token has expired"),
    (jwt.ImmatureSignatureError, "the token is not valid yet"),
    (jwt.InvalidAudienceError, "the token is meant for another audience"),
    (jwt.InvalidSignatureError, "the signature of the token is not good"),
    (jwt.MissingRequiredClaimError, "the token lacks `exp` or `aud`"),
)
_MALFORMED: Final = "the token is malformed"
# PyJWT lets through what odd bytes do to the helpers it uses: UnicodeEncodeError for a lone surrogate, and with each
# version others. None of them may cost more than this one token.
_ODDITIES: Final = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a good token names.

    Attributes:
        subject: the token's `sub`; None where it has none.
        name: its `name`, else its `preferred_username`, for people to read; None where it has neither.
        expires_at: when the token stops being good, in seconds since 1970 UTC. A token that was only
            accepted because clocks may differ stays good until the leeway is used up.
        camera_ids: the cameras that a processor with this token may stand for; None for any.
    """

    subject: str | None
    name: str | None
    expires_at: float
    camera_ids: frozenset[str] | None = None


class TokenChecker:
    """Checks the tokens of one kind of peer: JSON Web Tokens (RFC 7519) in Keycloak's form.

    Args:
        settings: the audience that `aud` must hold, and the claim that names a processor's cameras, if any does.
        role: what `resource_access[audience].roles` must hold.
        keys: where the keys come from.
        clock: now, in seconds since 1970 UTC; decides only what `Identity.expires_at` says.
    """

    def __init__(
        self, settings: TokenSettings, role: str, keys: Keys, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._audience = settings.audience
        self._camera_claim = settings.processor_id_claim
        self._role = role
        self._keys = keys
        self._clock = clock

    async def check(self, token: str) -> Identity:
        """The identity that `token` (compact form, as it came from the peer) proves.

        Takes about 0.1 ms, and up to 3 ms for the longest token; seconds where its key has to be fetched first.

        Raises:
            Unauthenticated: it is malformed, forged, not in force now, or meant for somebody else.
            Forbidden: it is good, but does not hold the role.
        """
        claims = await self._verified_claims(token)
        expires_at = _instant(claims["exp"])
        subject = claims.get("sub")
        if subject is not None and not _is_text(subject):
            raise Unauthenticated(_MALFORMED)
        if not self._holds_role(claims):
            raise Forbidden("the token does not hold the role that is needed here")
        if expires_at <= self._clock():
            expires_at += LEEWAY
        return Identity(subject, _name(claims), expires_at, self._camera_ids(claims))

    async def _verified_claims(self, token: str) -> dict[str, Any]:
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise Unauthenticated(f"the token is longer than {MAX_TOKEN_CHARACTERS} characters")
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, *_ODDITIES):
            raise Unauthenticated(_MALFORMED) from None
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in self._keys.algorithms:
            raise Unauthenticated(f"the token is not signed with {' or '.join(self._keys.algorithms)}")
        key = await self._keys.find(header.get("kid"), algorithm)
        if key is None:
            raise Unauthenticated("the key that the token names with `kid` is not known")
        try:
            return jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self._audience,
                leeway=LEEWAY,
                options={"require": list(_REQUIRED_CLAIMS)},
            )
        except jwt.PyJWTError as error:
            message = next((text for kind, text in _FAULTS if isinstance(error, kind)), _MALFORMED)
            raise Unauthenticated(message) from None
        except _ODDITIES:
            raise Unauthenticated(_MALFORMED) from None

    def _holds_role(self, claims: dict[str, Any]) -> bool:
        access = claims.get("resource_access")
        mine = access.get(self._audience) if isinstance(access, dict) else None
        roles = mine.get("roles") if isinstance(mine, dict) else None
        # A string would also "contain" the role, and more.
        return isinstance(roles, list) and all(isinstance(role, str) for role in roles) and self._role in roles

    def _camera_ids(self, claims: dict[str, Any]) -> frozenset[str] | None:
        if self._camera_claim is None:
            return None
        value = _claim(claims, self._camera_claim)
        names = value if isinstance(value, list) else [value]
        return frozenset(name for name in names if isinstance(name, str))


def _claim(claims: object, path: str) -> object:
    """The claim at `path`: names joined by dots, of which the last may hold dots itself; None where there is none."""
    if not isinstance(claims, dict):
        return None
    if path in claims:
        return claims[path]
    head, dot, rest = path.partition(".")
    return _claim(claims.get(head), rest) if dot else None


def _instant(exp: object) -> float:
    """The `exp` of a verified token, a NumericDate (RFC 7519, section 2); PyJWT takes strings too."""
    if not isinstance(exp, int | float) or not 0 < exp < _END_OF_TIME:
        raise Unauthenticated("the `exp` of the token is not a time in seconds since 1970")
    return float(exp)


def _name(claims: dict[str, Any]) -> str | None:
    return next((text for key in ("name", "preferred_username") if _is_text(text := claims.get(key)) and text), None)


def _is_text(value: object) -> bool:
    """Whether it is a string that can be stored and sent: JSON can spell half a character (a lone surrogate)."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
