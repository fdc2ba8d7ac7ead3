"""Where the things under test are."""

import os
import re
import subprocess
from pathlib import Path

TOP = Path(__file__).resolve().parents[3]
APPLICATIONS = TOP / "_build" / "default" / "lib"
_TARGET = Path(os.environ.get("CARGO_TARGET_DIR", TOP / "target"))
SIMULATOR = Path(os.environ.get("APNS_SIM", _TARGET / "release" / "apns_sim"))


def ejabberd() -> Path:
    """The folder of this machine's ejabberd."""
    found = subprocess.run([TOP / "tools" / "find_ejabberd"], check=True, capture_output=True, text=True)
    if not found.stdout.strip():
        raise FileNotFoundError("there is no ejabberd on this machine: `make setup` installs it")
    return Path(found.stdout.strip())


def ejabberd_version() -> list[int]:
    """Such as [23, 1]: the folder is named ejabberd-VERSION."""
    return [int(part) for part in re.findall(r"\d+", ejabberd().name)[:2]]


def require_built() -> None:
    """Without this an old or missing build would look like a failing test."""
    needed = [SIMULATOR, APPLICATIONS / "apns_nif" / "priv" / "apns_nif.so",
              APPLICATIONS / "mod_push_service" / "ebin" / "mod_push_service.beam"]
    for file in needed:
        if not file.exists():
            raise FileNotFoundError(f"{file} is missing: `make build` makes it")
