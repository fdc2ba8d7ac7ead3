"""Runs one command: its output is shown as it comes and kept, its time is bounded, nothing it started is left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from .paths import TOP, environment

GRACE_S = 5.0  # for processes that end a moment after the one that started them


@dataclass(frozen=True)
class Finished:
    """How a command ended. `problem` is a sentence when the command itself failed, whatever its tests said."""

    output: str
    problem: str | None


def run(command: list[str], limit_s: float, log: TextIO, env: dict[str, str] | None = None) -> Finished:
    """Runs `command` at the top of the repository for at most `limit_s` seconds; copies its output to `log`."""
    name = " ".join(command[:3])
    print(f"$ {' '.join(command)}", flush=True)
    print(f"$ {' '.join(command)}", file=log)
    try:
        # A session of its own: a time limit or Ctrl-C ends the command with all that it started.
        process = subprocess.Popen(
            command, cwd=TOP, env=environment() | (env or {}), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
        )
    except OSError as error:
        return Finished("", f"cannot start {command[0]}: {error.strerror}; `make setup` installs what is needed")
    lines: list[str] = []
    reader = threading.Thread(target=_copy, args=(process.stdout, log, lines), daemon=True)
    reader.start()
    try:
        problem = _wait(process, limit_s, name)
    except BaseException:
        # We are being stopped: the command may still put its own things away.
        _end_group(process.pid, signal.SIGTERM)
        raise
    finally:
        _end_group(process.pid, signal.SIGKILL)
        process.wait()
        reader.join(GRACE_S)
    return Finished("".join(lines), problem)


def _copy(source: TextIO, log: TextIO, lines: list[str]) -> None:
    with source:
        for line in source:
            lines.append(line)
            log.write(line)
            sys.stdout.write(line)
            sys.stdout.flush()


def _wait(process: subprocess.Popen, limit_s: float, name: str) -> str | None:
    try:
        status = process.wait(limit_s)
    except subprocess.TimeoutExpired:
        _end_group(process.pid, signal.SIGTERM)
        return f"`{name}` did not end within {limit_s:.0f} s"
    if status < 0:
        return f"`{name}` was ended by signal {signal.Signals(-status).name}"
    if status > 0:
        return f"`{name}` ended with exit status {status}"
    if not _group_is_gone(process.pid):
        return f"`{name}` left processes behind: {'; '.join(_members(process.pid))}"
    return None


def _group_is_gone(group: int) -> bool:
    deadline = time.monotonic() + GRACE_S
    while _members(group):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _end_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return
    _group_is_gone(group)


def _members(group: int) -> list[str]:
    """The living processes of a group, read from /proc: `ps` is not on every system."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, its_group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state != "Z":
                arguments = (stat.parent / "cmdline").read_bytes().replace(b"\0", b" ")
                found.append(f"{stat.parent.name} {arguments.decode(errors='replace').strip()}")
        except OSError:
            continue  # it ended meanwhile
    return found
