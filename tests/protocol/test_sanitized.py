"""What is compiled, built so that it notices each byte that it should not have touched, under the tests of its own."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

import pytest

from tests.protocol import test_fast_lane
from trio_orchestrator.protocol import fast_lane

SOURCE: Final = Path(fast_lane.__file__).with_name("speedups.c")
COMPILER: Final = shutil.which("gcc")
SANITIZERS: Final = ("libasan.so", "libubsan.so")

RUN_WITH: Final = """
import sys
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location
import pytest

name, path = "trio_orchestrator.protocol.speedups", sys.argv[1]
spec = spec_from_file_location(name, path, loader=ExtensionFileLoader(name, path))
sys.modules[name] = module_from_spec(spec)
spec.loader.exec_module(sys.modules[name])
sys.exit(pytest.main(sys.argv[2:]))
"""


def library(name: str) -> Path:
    """Where the compiler has a library of that name; a relative path where it has none."""
    assert COMPILER is not None
    asked = subprocess.run([COMPILER, f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    return Path(asked.stdout.strip())


def can_be_built() -> bool:
    """Whether all that is needed is there; where everything else is tried, it must be."""
    if "CI" in os.environ:
        return True
    headers = Path(sysconfig.get_path("include"), "Python.h")
    return COMPILER is not None and headers.exists() and all(library(name).is_absolute() for name in SANITIZERS)


@pytest.mark.skipif(not can_be_built(), reason="there are no gcc with its sanitizers, or no headers of Python")
def test_no_byte_is_touched_that_should_not_be(tmp_path: Path) -> None:
    assert COMPILER is not None
    built = tmp_path / "speedups.so"
    flags = ["-g", "-O1", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined", "-fno-sanitize-recover"]
    flags += ["-shared", "-fPIC", "-isystem", sysconfig.get_path("include")]
    subprocess.run([COMPILER, *flags, str(SOURCE), "-o", str(built)], check=True)
    environment = os.environ | {
        "LD_PRELOAD": " ".join(str(library(name)) for name in SANITIZERS),
        "ASAN_OPTIONS": "detect_leaks=0",  # Python leaves at its end what it has
        "PYTHONMALLOC": "malloc",  # so that each object has its own piece of memory, with nothing beside it
    }
    tests = [test_fast_lane.__file__, "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist"]
    command = [sys.executable, "-c", RUN_WITH, str(built), *tests]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
