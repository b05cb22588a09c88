"""The tokens a peer authenticates with: where they come from, and when another one is needed."""

import base64
import binascii
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import msgspec
import trio

from .errors import ConnectionLost

Token: TypeAlias = str | Callable[[], str | Awaitable[str]] | None

TOKEN_TIMEOUT: Final = 10.0
LONGEST_LEAD: Final = 60.0
_LEAD_SHARE: Final = 0.2
_SHORTEST_PAUSE: Final = 0.5


class _Claims(msgspec.Struct):
    """As much of a token as tells when it ends: seconds since 1970 (RFC 7519, section 4.1.4)."""

    exp: float


async def fetch_token(token: Token) -> str | None:
    """The token to show now; None where there is none.

    Raises:
        ConnectionLost: it cannot be had at the moment.
    """
    if not callable(token):
        return token
    try:
        with trio.fail_after(TOKEN_TIMEOUT):
            fetched = token()
            return await fetched if inspect.isawaitable(fetched) else fetched
    except trio.TooSlowError:
        raise ConnectionLost(f"no token within {TOKEN_TIMEOUT:g} s") from None
    except OSError as error:
        raise ConnectionLost(f"no token: {error}") from error


def expiry_of(token: str) -> float | None:
    """When a JSON Web Token ends, in seconds since 1970; None where it does not say. It is not verified here."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    padded = parts[1] + "=" * (-len(parts[1]) % 4)
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(padded), type=_Claims).exp
    except (binascii.Error, ValueError, RecursionError):
        return None


def renewal_pause(token: str) -> float | None:
    """Seconds until another token should be fetched in the place of this one; None where that is of no use.

    It leaves a fifth of what is left of its life, a minute at most, for tries that fail.
    """
    expiry = expiry_of(token)
    if expiry is None:
        return None
    left = expiry - time.time()
    if left <= 0:
        return None  # the server ends the connection, and the next one begins with a new token
    return max(_SHORTEST_PAUSE, left - min(LONGEST_LEAD, _LEAD_SHARE * left))
