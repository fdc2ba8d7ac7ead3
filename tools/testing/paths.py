"""Where things are in the repository and in its build directories."""

import os
import subprocess
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BUILD = TOP / "_build"
LOGS = BUILD / "logs"
CARGO_TARGET = TOP / os.environ.get("CARGO_TARGET_DIR", "target")
VENV_PYTHON = BUILD / "venv" / "bin" / "python"
SIMULATOR = CARGO_TARGET / "release" / "apns_sim"


def tracked_files() -> list[str]:
    """Every file that git tracks or would track: what a clone will hold. Build results are not among them."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=TOP, check=False, capture_output=True, text=True,
    )
    if listed.returncode:
        raise SystemExit(f"the checks judge the files that git tracks, and git says: {listed.stderr.strip()}")
    return sorted(name for name in listed.stdout.split("\0") if name and (TOP / name).is_file())


def environment() -> dict[str, str]:
    """The environment of each part: where the tests find what was built, and no traces left in the source tree."""
    return os.environ | {
        "APNS_SIM": str(SIMULATOR),
        "APNS_TEST_PYTHON": str(VENV_PYTHON),
        "CARGO_TARGET_DIR": str(CARGO_TARGET),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TERM": "dumb",  # no colours among what is parsed and kept
    }
