"""A token → the identity it proves, by a key that was given or by those that a key server publishes."""

from .key_server import KeyServer
from .keys import FixedKey, Keys
from .tokens import LEEWAY, MAX_TOKEN_CHARACTERS, Identity, TokenChecker

__all__ = ["LEEWAY", "MAX_TOKEN_CHARACTERS", "FixedKey", "Identity", "KeyServer", "Keys", "TokenChecker"]
