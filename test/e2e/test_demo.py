"""The demo itself: it ends well, leaves nothing behind, and says what failed when something did."""

import asyncio
import fcntl
import json
import os
import re
import signal
import sys
import tempfile
import termios
import urllib.request
from pathlib import Path

DEMO = Path(__file__).resolve().parents[1] / "demo"
sys.path.insert(1, str(DEMO))

from bed import Bed, Phone, Unexpected  # noqa: E402
from bed.suite import Suite, expect, run  # noqa: E402
from bed.waiting import within  # noqa: E402
from story import Story  # noqa: E402

demo = Suite("demo", Bed)


async def start(*arguments: str, env: dict[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env=os.environ | env, start_new_session=True)


def changed(before_write: str) -> str:
    """A program: the demo, in which something happens before alice writes."""
    return f"""
import runpy, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # these tests, too, may be run under nohup
sys.path[:0] = {[str(DEMO), str(DEMO.parent / "e2e")]}
import story
class Changed(story.Story):
    async def write(self):
        {before_write}
        return await super().write()
story.Story = Changed
runpy.run_path({str(DEMO)!r}, run_name="__main__")
"""


async def changed_demo(before_write: str, folder: str) -> tuple[str, int | None]:
    return await ended(await start("-c", changed(before_write), env={"TMPDIR": folder}))


async def ended(process: asyncio.subprocess.Process) -> tuple[str, int | None]:
    """What it printed, and its exit status."""
    output, _ = await within(process.communicate(), "the demo to end", 120)
    return output.decode(), process.returncode


def group_is_gone(group: int) -> bool:
    """Says nothing of ejabberd, its hidden companion and the simulator, which have sessions of their own."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def processes_of(folder: str) -> list[str]:
    """The commands of all that has the demo's folder in its command line or, as TMPDIR or HOME, in its environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            traces = command + (process / "environ").read_bytes()
        except OSError:
            continue
        if folder.encode() in traces:
            found.append(command.replace(b"\0", b" ").decode(errors="replace"))
    return found


@demo.case
async def ends_well(bed: Bed) -> None:
    """the demo tells six steps, shows the push with its milliseconds, exits 0, and no file or process is left"""
    with tempfile.TemporaryDirectory() as folder:
        process = await start(str(DEMO), env={"TMPDIR": folder})
        text, status = await ended(process)
        expect(f"exit status of\n{text}", 0, status)
        for words in ("1. ", "6. ", " ms later the push is in Apple's journal", "│ New message", "no second push",
                      "no push", "410 Unregistered", "gone from the database"):
            expect(f"{words!r} in\n{text}", True, words in text)
        expect("files left", [], os.listdir(folder))
        expect("processes left", [], processes_of(folder))
        expect("its process group is gone", True, group_is_gone(process.pid))


@demo.case
async def stays(bed: Bed) -> None:
    """with --keep it stays up and says how to connect and to make a phone ring; a signal ends it, and nothing is left"""
    with tempfile.TemporaryDirectory() as folder:
        process = await start(str(DEMO), "--keep", env={"TMPDIR": folder})
        assert process.stdout is not None
        text = ""
        while "   logs " not in text:
            line = await within(process.stdout.readline(), "how to connect", 120)
            if not line:
                raise Unexpected("the demo to stay", text)
            text += line.decode()
        for words in ("password secret", "push.localhost", "tls disable"):
            expect(f"{words!r} in\n{text}", True, words in text)
        # Otherwise none of them would be missed.
        up = processes_of(folder)
        for words in (str(DEMO), "-s ejabberd", "-hidden", "apns_sim"):
            expect(f"{words!r} among {up}", True, any(words in command for command in up))
        await rings(text)
        process.send_signal(signal.SIGINT)
        await within(process.communicate(), "the demo to end", 60)
        expect("exit status", 0, process.returncode)
        expect("files left", [], os.listdir(folder))
        expect("processes left", [], processes_of(folder))


async def rings(told: str) -> None:
    """Does what the demo tells: alice writes to bob, and the device named is pushed to."""
    (port,), (page,), (token,) = (re.findall(pattern, told) for pattern in (
        r"127\.0\.0\.1, port (\d+)", r"phones +(http\S+)", r"registered the device (\w+)…"))
    alice = await Phone("alice@localhost", "secret", int(port), "desk").login()
    alice.send("bob@localhost", "Hello")
    journal = await asyncio.to_thread(lambda: json.load(urllib.request.urlopen(f"{page}journal?since=3&wait_ms=30000")))
    expect("the devices pushed to", [token], [entry["token"][:8] for entry in journal["entries"]])
    await alice.close()


@demo.case
async def tells_that_apple_died(bed: Bed) -> None:
    """when the simulator dies in a step, the demo says what it expected, what came and where the logs are, which stay"""
    with tempfile.TemporaryDirectory() as folder:
        text, status = await changed_demo("await self._bed.simulator.kill()", folder)
        expect(f"exit status of\n{text}", 1, status)
        (kept,) = Path(folder).glob("push-e2e-*")
        for words in ("1. bob's phone", "3. alice writes: FAILED", "   expected: the simulator's answer to /journal",
                      "it has ended with -9", f"   logs:     {kept}/ejabberd.log", f"{kept}/apns_sim.log",
                      f"Kept, with the logs: {kept}"):
            expect(f"{words!r} in\n{text}", True, words in text)
        expect(f"no traceback in\n{text}", False, "Traceback" in text)
        expect("the log is there", True, (kept / "ejabberd.log").is_file())
        expect("processes left", [], processes_of(folder))


@demo.case
async def tells_of_any_error(bed: Bed) -> None:
    """an error that no step foresees is told like a failure, and so is a start that fails"""
    with tempfile.TemporaryDirectory() as folder:
        text, status = await changed_demo("raise ValueError('out of luck')", folder)
        expect(f"exit status of\n{text}", 1, status)
        for words in ("3. alice writes: FAILED", "came:     ValueError: out of luck", "Kept, with the logs: "):
            expect(f"{words!r} in\n{text}", True, words in text)
        expect(f"no traceback in\n{text}", False, "Traceback" in text)
    with tempfile.TemporaryDirectory() as folder:
        process = await start(str(DEMO), env={"TMPDIR": folder, "APNS_SIM": "/bin/false"})
        text, status = await ended(process)
        expect(f"exit status of\n{text}", 1, status)
        (kept,) = Path(folder).glob("push-e2e-*")
        for words in ("The demo cannot start: FAILED", "the simulator's ready line", f"Kept, with the logs: {kept}"):
            expect(f"{words!r} in\n{text}", True, words in text)


@demo.case
async def is_interrupted(bed: Bed) -> None:
    """a signal before it is through ends it: the status tells which, and no file or process is left"""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with tempfile.TemporaryDirectory() as folder:
            text, status = await changed_demo(f"import os; os.kill(os.getpid(), {number.value}); "
                                              "os.kill(os.getpid(), 15); await self._bed.simulator.journal(9, 60000)", folder)
            expect(f"exit status of\n{text}", 128 + number, status)
            expect(f"that it was stopped, in\n{text}", True, "\nstopped\nEverything is stopped and removed." in text)
            expect("files left", [], os.listdir(folder))
            expect("processes left", [], processes_of(folder))


@demo.case
async def loses_its_terminal(bed: Bed) -> None:
    """when its terminal is closed, no file or process is left"""
    with tempfile.TemporaryDirectory() as folder:
        ours, its = os.openpty()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", changed("await self._bed.simulator.journal(9, 60000)"), stdin=its, stdout=its, stderr=its,
            env=os.environ | {"TMPDIR": folder}, preexec_fn=lambda: (os.setsid(), fcntl.ioctl(0, termios.TIOCSCTTY, 0)))
        os.close(its)
        text = b""
        while b"2. " not in text:
            text += await within(asyncio.to_thread(os.read, ours, 4096), "the second step")
        os.close(ours)
        expect("exit status", 128 + signal.SIGHUP, await within(process.wait(), "the demo to end", 60))
        expect("files left", [], os.listdir(folder))
        expect("processes left", [], processes_of(folder))


@demo.case
async def tells_what_failed(bed: Bed) -> None:
    """a step that fails says what was expected and what came"""
    await bed.node.eval('gen_mod:stop_module(<<"localhost">>, mod_push_service)')
    async for name, step in Story(bed).tell():
        try:
            await step()
        except Unexpected as error:
            expect("the step", "bob registers", name)
            expect("a sentence for each", True, len(error.expected) > 5 and len(error.came) > 5)
            return
    raise Unexpected("a failing step", "none failed")


if __name__ == "__main__":
    run(demo)
