"""Builds and installs all that is compared, under the target directory; what is there already is left as it is."""

import shutil
from pathlib import Path
from typing import TextIO

from testing import command

from .clients import OUT, PEERS
from .process import Failure

# Thin link-time optimisation of three sets of crates on two cores.
BUILD_LIMIT_S = 2400
INSTALL_LIMIT_S = 600


def ours(log: TextIO) -> None:
    """The library, the server and the Erlang programs."""
    _run(_shell("bench_need && bench_build"), BUILD_LIMIT_S, log)


def rust_peers(log: TextIO) -> None:
    """a2 and apns-h2."""
    _run(_shell("bench_build_peers"), BUILD_LIMIT_S, log)


def node_peer(log: TextIO) -> None:
    """@parse/node-apn, exactly as the lock file says, and without running any package's own install script."""
    folder, source = OUT / "node", PEERS / "node"
    # Where the program is, node looks for packages.
    if _same(folder / "package-lock.json.installed", source / "package-lock.json"):
        shutil.copy(source / "push.mjs", folder)
        return
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)
    _run(["npm", "ci", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund"], INSTALL_LIMIT_S, log)
    shutil.copy(source / "package-lock.json", folder / "package-lock.json.installed")


def python_peer(log: TextIO) -> None:
    """aioapns, in an environment of its own."""
    folder, wanted = OUT / "python", PEERS / "python" / "requirements.txt"
    if _same(folder / "installed", wanted):
        return
    shutil.rmtree(folder, ignore_errors=True)
    # Debian's own python3 where there is one: its venv package is what `tools/setup` installs.
    python = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else "python3"
    _run([python, "-m", "venv", str(folder)], INSTALL_LIMIT_S, log)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    _run([*pip, "-r", str(wanted)], INSTALL_LIMIT_S, log)
    shutil.copy(wanted, folder / "installed")


def _same(copy: Path, original: Path) -> bool:
    return copy.exists() and copy.read_bytes() == original.read_bytes()


def _shell(functions: str) -> list[str]:
    return ["bash", "-c", f"set -euo pipefail; source tools/lib/bench.sh; {functions}"]


def _run(line: list[str], limit_s: float, log: TextIO) -> None:
    if problem := command.run(line, limit_s, log).problem:
        raise Failure(problem)
