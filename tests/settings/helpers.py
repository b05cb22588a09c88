"""Settings as they are given, and the line that is said where they do not fit."""

import argparse
from collections.abc import Mapping

import pytest

from trio_orchestrator.settings import Settings, SettingsError, add_flags

SECRET = "s3cret"


def load(environment: Mapping[str, str] | None = None, *flags: str) -> Settings:
    parser = argparse.ArgumentParser()
    add_flags(parser)
    return Settings.load(environment or {}, parser.parse_args(flags))


def refusal(environment: Mapping[str, str], *flags: str) -> str:
    """The one line that is said about settings that do not fit."""
    with pytest.raises(SettingsError) as caught:
        load(environment, *flags)
    line = str(caught.value)
    assert line.isprintable()
    assert line.startswith(caught.value.variable)
    assert line.count("; ") >= 1, "what is wrong; what would be right"
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert SECRET not in line
    return line
