"""`python -m fuzz TARGET [options of libFuzzer] [a folder for what it learns]`."""

import sys
import tempfile
from pathlib import Path
from typing import Final

import atheris

# What is imported here is watched; the rest would only make it slow.
with atheris.instrument_imports(include=["trio_orchestrator", "jwt"]):
    from .targets import TARGETS

_BY_NAME: Final = {target.__name__: target for target in TARGETS}
_SEEDS: Final = Path(__file__).with_name("seeds")


def main() -> None:
    """Fuzz one target until something is found, or for as long as the options say."""
    if len(sys.argv) < 2 or sys.argv[1] not in _BY_NAME:
        sys.exit(f"usage: python -m fuzz {{{','.join(_BY_NAME)}}} [-max_total_time=SECONDS] [FOLDER]")
    name, *arguments = sys.argv[1:]
    with tempfile.TemporaryDirectory() as learned:
        if all(argument.startswith("-") for argument in arguments):
            arguments.append(learned)
        atheris.Setup([sys.argv[0], *arguments, str(_SEEDS / name)], _BY_NAME[name])
        atheris.Fuzz()


main()
