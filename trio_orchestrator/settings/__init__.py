"""What a server can be told: one frozen object from environment and flags, checked, secrets masked."""

from .files import TlsFiles, algorithm_of
from .given import SettingsError
from .loading import Settings
from .tokens import TokenSettings
from .variables import VARIABLES, Variable, add_flags, markdown_table

__all__ = [
    "VARIABLES",
    "Settings",
    "SettingsError",
    "TlsFiles",
    "TokenSettings",
    "Variable",
    "add_flags",
    "algorithm_of",
    "markdown_table",
]
