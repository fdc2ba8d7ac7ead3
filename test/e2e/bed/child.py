"""Child processes that never outlive this one."""

import asyncio
import ctypes
import signal
import socket
from asyncio.subprocess import Process
from pathlib import Path

GRACE_S = 20.0
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


async def start(command: list[str], log: Path, env: dict[str, str], **pipes: int) -> Process:
    """Starts a program in a session of its own: Ctrl-C reaches the one who started it, who stops it in order."""
    with log.open("ab") as file:
        streams = {"stdin": asyncio.subprocess.DEVNULL, "stdout": file, "stderr": file} | pipes
        return await asyncio.create_subprocess_exec(
            *command, env=env, preexec_fn=_die_with_parent, start_new_session=True, limit=1 << 24, **streams)


async def stop(process: Process | None) -> None:
    """SIGTERM, and SIGKILL for what does not listen."""
    if process is None or process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), GRACE_S)
    except (TimeoutError, asyncio.TimeoutError):
        process.kill()
        await process.wait()


def free_ports(count: int) -> list[int]:
    """Free when asked; whoever starts a server on one does so soon."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
