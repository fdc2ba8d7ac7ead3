"""Programs that a measurement starts: on which core they run, what the system says of them, and that none is left."""

import os
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import IO

GRACE_S = 5.0  # from the end of its stdin to the end of a program


class Failure(Exception):
    """A sentence for whoever runs the benchmark."""


class Program:
    """A program on a core of its own, talked to in lines. It and all that it starts are gone after `with`."""

    def __init__(self, line: list[str], core: str, log: IO[bytes], env: dict[str, str] | None = None):
        self.name = Path(line[0]).name
        self._log = Path(log.name)
        self._rest = b""
        try:
            # A session of its own: it is ended with all that it started.
            self._process = subprocess.Popen(
                ["taskset", "--cpu-list", core, *line], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                env=os.environ | (env or {}), start_new_session=True,
            )
        except OSError as error:
            raise Failure(f"cannot start taskset: {error.strerror}") from error
        # Since taskset replaces itself by the program.
        self.pid = self._process.pid

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._process.stdin.close()
            self._process.wait(GRACE_S)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            pass  # it is ended by force
        finally:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self._process.wait()
            self._process.stdout.close()

    def say(self, line: str) -> None:
        try:
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise Failure(f"{self.name} ended too early: {self.last_words()}") from error

    def hear(self, limit_s: float) -> str:
        """Its next line."""
        deadline = time.monotonic() + limit_s
        while b"\n" not in self._rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
                raise Failure(f"{self.name} said nothing within {limit_s:.0f} s")
            piece = os.read(self._process.stdout.fileno(), 65536)
            if not piece:
                raise Failure(f"{self.name} ended too early: {self.last_words()}")
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode(errors="replace")

    def has_ended(self) -> bool:
        """Whether it has; what is left of it is still there to be looked at."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def output(self) -> str:
        """All that it said, once it has ended, which must have been well."""
        said = self._rest + self._process.stdout.read()
        if self._process.wait() != 0:
            raise Failure(f"{self.name} ended with status {self._process.returncode}: {self.last_words()}")
        return said.decode(errors="replace")

    def cpu_s(self) -> float:
        """User and system time of all its threads, those that have ended included: the process's own clock, in steps
        of nanoseconds, where /proc counts in hundredths of a second."""
        return time.clock_gettime((~self.pid << 3) | 2)

    def peak_rss_mb(self) -> float | None:
        """The most memory that it had at once, in units of 1,000,000 bytes; nothing once it has ended."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8", errors="replace")
        for line in status.splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
        return None

    def last_words(self) -> str:
        text = self._log.read_text(encoding="utf-8", errors="replace").strip()
        return text.splitlines()[-1] if text else "it left no word why"
