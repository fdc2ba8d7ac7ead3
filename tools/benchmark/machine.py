"""Where and when numbers were measured: without that they are none."""

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from testing.paths import TOP


def facts() -> dict[str, str]:
    """What a reader has to know beside each number, by name."""
    load = os.getloadavg()[0]
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "command": "make bench",
        "commit": _said("git", "describe", "--always", "--dirty"),
        "cpu": _line("/proc/cpuinfo", r"model name\s*: (.+)"),
        "cores": str(os.cpu_count()),
        "load before": f"{load:.1f}",
        "kernel": platform.release(),
        "system": _line("/etc/os-release", r'PRETTY_NAME="?([^"]+)'),
        "OTP": _otp(),
        "rustc": _said("rustc", "--version").removeprefix("rustc ").split(" ")[0],
        "node": _said("node", "--version"),
        "python": _said("/usr/bin/python3", "--version").removeprefix("Python "),
    }


def _otp() -> str:
    version = 'io:put_chars([erlang:system_info(otp_release), ", ERTS ", erlang:system_info(version)]), halt().'
    return _said("erl", "-noshell", "-noinput", "-eval", version)


def _said(*line: str) -> str:
    try:
        said = subprocess.run(line, cwd=TOP, capture_output=True, check=True, text=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return said.strip()


def _line(path: str, pattern: str) -> str:
    try:
        found = re.search(pattern, Path(path).read_text(encoding="utf-8"))
    except OSError:
        found = None
    return found[1].strip() if found else "unknown"
