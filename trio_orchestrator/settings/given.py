"""What was given, variable by variable, and the error that says what does not fit."""

import argparse
from collections.abc import Mapping
from typing import Any, TypeVar

from .values import Unfit
from .variables import Variable

_Value = TypeVar("_Value")


class SettingsError(Exception):
    """The settings do not fit: "you misused me".

    `str` is one line that names the variable, what was wrong and what would be right, and holds no secret.

    Args:
        variable: the environment variable at fault.
        wrong: what is wrong, as a clause.
        right: what would be right, as the end of the sentence "give …".
        flag: the flag that the value came from; None where it came from the environment.

    Attributes:
        variable: the environment variable at fault.
    """

    def __init__(self, variable: str, wrong: str, right: str, *, flag: str | None = None) -> None:
        label = variable if flag is None else f"{variable} (given as {flag})"
        super().__init__(f"{label}: {wrong}; give {right}")
        self.variable = variable


class Given:
    """What was given: each variable's text from its flag, else from the environment, else its default."""

    def __init__(self, environment: Mapping[str, str], flags: argparse.Namespace | None) -> None:
        self._environment = environment
        self._flags = flags

    def _texts(self, variable: Variable[Any]) -> tuple[str, str]:
        flag: str | None = getattr(self._flags, variable.name, None)
        return (flag or "").strip(), self._environment.get(variable.name, "").strip()

    def has(self, variable: Variable[Any]) -> bool:
        """Whether a value was given that is not empty."""
        return any(self._texts(variable))

    def get(self, variable: Variable[_Value]) -> _Value | None:
        """The value; None where none was given and there is no default."""
        flag, inherited = self._texts(variable)
        text = flag or inherited or variable.default
        if text is None:
            return None
        try:
            return variable.parse(text)
        except Unfit as unfit:
            raise self.error(variable, str(unfit), variable.expects) from None

    def require(self, variable: Variable[_Value]) -> _Value:
        """The value of a variable that has a default."""
        assert variable.default is not None
        return self.get(variable)  # type: ignore[return-value]  # None only where it is a value

    def error(self, variable: Variable[Any], wrong: str, right: str) -> SettingsError:
        """An error that also names the flag where the value came from it."""
        flag, _ = self._texts(variable)
        return SettingsError(variable.name, wrong, right, flag=variable.flag if flag else None)
