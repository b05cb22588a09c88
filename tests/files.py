"""What files this process has open."""

from pathlib import Path


def is_open(file: Path) -> bool:
    """Whether this process has `file` open."""
    return any(link.is_symlink() and link.readlink() == file for link in Path("/proc/self/fd").iterdir())
