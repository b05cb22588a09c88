"""The machine that is measured on: which core each process gets, and what is to be known about it."""

import json
import os
import platform
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Final

_PACKAGES: Final = (
    "trio-orchestrator", "trio", "trio-websocket", "wsproto", "msgspec", "websockets",
    "tornado", "picows", "socketify", "orjson",
)  # fmt: skip

_LEAST_URGENT: Final = 1
"""Of the priorities in real time, 1 to 99 (sched(7)); whatever has none comes after all of them."""

_WS: Final = Path(__file__).parent / "peers" / "node_modules" / "ws" / "package.json"


def cores() -> tuple[int, int]:
    """The core of the server and that of the load, the same one on a machine that has no other."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[1 % len(allowed)]


@contextmanager
def on_core(core: int, *, before_others: bool = False) -> Iterator[None]:
    """Processes started meanwhile run on `core` and nowhere else; with `before_others`, before all that is not urgent.

    To go before others takes a right (`CAP_SYS_NICE`); without it they take turns.
    """
    cores_before = os.sched_getaffinity(0)
    policy_before, parameter_before = os.sched_getscheduler(0), os.sched_getparam(0)
    os.sched_setaffinity(0, {core})
    if before_others:
        with suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_LEAST_URGENT))
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy_before, parameter_before)
        os.sched_setaffinity(0, cores_before)


def may_go_before_others() -> bool:
    """Whether this process may start others that go `before_others`."""
    with on_core(cores()[0], before_others=True):
        return os.sched_getscheduler(0) == os.SCHED_FIFO


def allow_descriptors() -> int:
    """Let the processes started from now on have as many open files as the system lets them; how many that is."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def describe() -> dict[str, str]:
    """What a reader needs to know of the machine and the versions; name → text."""
    found = {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "priority in real time": "allowed" if may_go_before_others() else "not allowed",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
    }
    for program, arguments in (("cc", "--version"), ("node", "--version"), ("openssl", "version")):
        if shutil.which(program):
            answer = subprocess.run([program, arguments], capture_output=True, text=True, check=False).stdout
            found[program] = answer.partition("\n")[0].strip()
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    if _WS.exists():
        found["ws"] = json.loads(_WS.read_text())["version"]
    return found


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
