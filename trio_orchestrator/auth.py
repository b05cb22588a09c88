"""A token → the identity it proves, or an error that says why it proves none (PROTOCOL: Authentication)."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from trio_orchestrator.protocol.errors import Forbidden, Unauthenticated
from trio_orchestrator.settings import TokenSettings

LEEWAY: Final = 10.0  # seconds by which the issuer's clock and ours may differ
MAX_TOKEN_CHARACTERS: Final = 65_536

_ALGORITHMS: Final = ("RS256",)
_REQUIRED_CLAIMS: Final = ("exp", "aud")
_END_OF_TIME: Final = 253_402_300_800  # the year 10000: an `exp` in milliseconds lies far beyond, in seconds before

# What a peer is told about each kind of fault, the narrowest kinds first: never anything out of the token.
_FAULTS: Final[tuple[tuple[type[jwt.PyJWTError], str], ...]] = (
    (jwt.ExpiredSignatureError, "the token has expired"),
    (jwt.ImmatureSignatureError, "the token is not valid yet"),
    (jwt.InvalidAudienceError, "the token is meant for another audience"),
    (jwt.InvalidAlgorithmError, "the token is not signed with RS256"),
    (jwt.InvalidSignatureError, "the signature of the token is not good"),
    (jwt.MissingRequiredClaimError, "the token lacks `exp` or `aud`"),
)
_MALFORMED: Final = "the token is malformed"


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a good token names.

    Attributes:
        subject: the token's `sub`; None where it has none.
        name: its `name`, else its `preferred_username`, for people to read; None where it has neither.
        expires_at: when the token stops being good, in seconds since 1970 UTC. A token that was only
            accepted because clocks may differ stays good until the leeway is used up.
    """

    subject: str | None
    name: str | None
    expires_at: float


class TokenChecker:
    """Checks the tokens of one kind of peer: RS256 JSON Web Tokens (RFC 7519) in Keycloak's form.

    Args:
        settings: the key, and the audience that `aud` must hold.
        role: what `resource_access[audience].roles` must hold.
        clock: now, in seconds since 1970 UTC; decides only what `Identity.expires_at` says.

    Raises:
        ValueError: the key of the settings is not a public RSA key.
    """

    def __init__(self, settings: TokenSettings, role: str, *, clock: Callable[[], float] = time.time) -> None:
        key = load_pem_public_key(settings.public_key)
        if not isinstance(key, RSAPublicKey):
            raise ValueError("tokens are checked with a public RSA key")
        self._key = key
        self._audience = settings.audience
        self._role = role
        self._clock = clock

    def check(self, token: str) -> Identity:
        """The identity that `token` (compact form, as it came from the peer) proves.

        Does not wait for anything; takes about 0.1 ms, and up to 3 ms for the longest token.

        Raises:
            Unauthenticated: it is malformed, forged, not in force now, or meant for somebody else.
            Forbidden: it is good, but does not hold the role.
        """
        claims = self._verified_claims(token)
        expires_at = _instant(claims["exp"])
        subject = claims.get("sub")
        if subject is not None and not _is_text(subject):
            raise Unauthenticated(_MALFORMED)
        if not self._holds_role(claims):
            raise Forbidden("the token does not hold the role that is needed here")
        if expires_at <= self._clock():
            expires_at += LEEWAY
        return Identity(subject, _name(claims), expires_at)

    def _verified_claims(self, token: str) -> dict[str, Any]:
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise Unauthenticated(f"the token is longer than {MAX_TOKEN_CHARACTERS} characters")
        try:
            return jwt.decode(
                token,
                self._key,
                algorithms=_ALGORITHMS,
                audience=self._audience,
                leeway=LEEWAY,
                options={"require": list(_REQUIRED_CLAIMS)},
            )
        except jwt.PyJWTError as error:
            message = next((text for kind, text in _FAULTS if isinstance(error, kind)), _MALFORMED)
            raise Unauthenticated(message) from None
        except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError):
            # PyJWT lets through what odd bytes do to the helpers it uses: UnicodeEncodeError for a lone surrogate,
            # and with each version others. None of them may cost more than this one token.
            raise Unauthenticated(_MALFORMED) from None

    def _holds_role(self, claims: dict[str, Any]) -> bool:
        access = claims.get("resource_access")
        mine = access.get(self._audience) if isinstance(access, dict) else None
        roles = mine.get("roles") if isinstance(mine, dict) else None
        # A string would also "contain" the role, and more.
        return isinstance(roles, list) and all(isinstance(role, str) for role in roles) and self._role in roles


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
