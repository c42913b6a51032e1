"""Makes a component of a processor: `python -m loglift_sdk.build MODULE:CLASS -o processor.wasm`."""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ._processor import Processor, Stateful

COMPONENTIZE = "componentize-py==0.25.1"
"""What this SDK was tried with."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="loglift_sdk.build", description="Makes a component of a processor.")
    parser.add_argument("processor", metavar="MODULE:CLASS", help="where the class of the processor is")
    parser.add_argument("-o", "--output", default="processor.wasm", help="the component that is made")
    parser.add_argument("-p", "--path", action="append", default=[], help="a further directory with modules")
    parser.add_argument(
        "--pure", action="store_true", help="without any import of WASI: nothing to grant or to deny, and no clock"
    )
    arguments = parser.parse_args()
    try:
        build(arguments.processor, Path(arguments.output), [".", *arguments.path], arguments.pure)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{arguments.output}: {os.path.getsize(arguments.output) // 1024} KiB")
    return 0


class BuildError(Exception):
    """What is told without a stack."""


def build(processor: str, output: Path, path: list[str], is_pure: bool) -> None:
    """Writes the component of a processor to `output`. Modules are looked for in `path`."""
    module, _, name = processor.partition(":")
    kind = _load(module, name, path)
    tool = shutil.which(
        "componentize-py", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    )
    if tool is None:
        raise BuildError(f"componentize-py is missing: {sys.executable} -m pip install {COMPONENTIZE}")
    sdk = Path(__file__).resolve().parents[1]
    # Beside a copy of the SDK, or where Loglift's repository has it.
    wit = next((place for place in (sdk / "wit", sdk.parents[1] / "wit") if place.is_dir()), None)
    if wit is None:
        raise BuildError(f"the contract, wit/processor.wit, is not in {sdk}: copy it there from Loglift's repository")
    is_stateful = issubclass(kind, Stateful)
    lines = [
        f"from {module} import {name} as kind",
        "from loglift_sdk import _component",
        "Columnar = _component.columnar(kind)",
        "State = _component.state()" if is_stateful else "",
    ]
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, f"{APP}.py").write_text("\n".join(lines))
        world = "stateful-processor" if is_stateful else "processor"
        command = [tool, "--quiet", "--wit-path", str(wit), "--world", world, "componentize"]
        # Only what is named here goes into the component, and not the packages of the machine.
        for place in [directory, *path, str(sdk)]:
            command += ["--python-path", place]
        command += [APP, "--output", str(output), *(["--stub-wasi"] if is_pure else [])]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BuildError(f"componentize-py failed\n{done.stdout}{done.stderr}")


def _load(module: str, name: str, path: list[str]) -> type[Processor]:
    sys.path[:0] = path
    try:
        kind = getattr(importlib.import_module(module), name or "Processor")
    except (ImportError, AttributeError) as error:
        raise BuildError(f"{module}:{name}: {error}") from error
    if not (isinstance(kind, type) and issubclass(kind, Processor)):
        raise BuildError(f"{module}:{name} is no class made from loglift_sdk.Processor")
    missing = [fact for fact in ("name", "version", "summary", "config_schema") if not hasattr(kind, fact)]
    if missing:
        raise BuildError(f"{module}:{name} has no {', '.join(missing)}")
    return kind


APP = "loglift_component"

if __name__ == "__main__":
    sys.exit(main())
