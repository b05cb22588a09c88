"""Compiles what is in C, at each installation on which there are a C compiler and Python's headers."""

import shutil
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from setuptools import Distribution, Extension

_NAME: Final = "trio_orchestrator.protocol.speedups"


class CustomBuildHook(BuildHookInterface[Any]):
    """Adds the compiled module to a wheel; for an editable installation it is put beside its source."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """See hatchling: called before the wheel is built; `version` is `editable` or `standard`."""
        self._folder = TemporaryDirectory()
        source = Path(self.root, *_NAME.split(".")).with_suffix(".c")
        beside = source.with_suffix(sysconfig.get_config_var("EXT_SUFFIX"))
        if version == "editable":
            beside.unlink(missing_ok=True)  # it is of an older source, and would be used where this cannot be compiled
        compiled = _compile(source, self._folder.name)
        if not compiled.exists():
            self.app.display_warning(f"{_NAME} is not compiled; the same will be done in Python")
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        if version == "editable":
            shutil.copy(compiled, beside)
        else:
            build_data["force_include"][str(compiled)] = str(beside.relative_to(self.root))

    def finalize(self, _version: str, _build_data: dict[str, Any], _artifact_path: str) -> None:
        """See hatchling: called when the wheel is built."""
        self._folder.cleanup()


def _compile(source: Path, folder: str) -> Path:
    """Compile `source` as Python itself was, or as CC and CFLAGS say; where in `folder` the result is, if any."""
    extension = Extension(_NAME, [str(source)], optional=True)
    command = Distribution({"name": "speedups", "ext_modules": [extension]}).get_command_obj("build_ext")
    command.build_lib = command.build_temp = folder
    command.ensure_finalized()
    command.run()
    return Path(command.get_ext_fullpath(_NAME))
