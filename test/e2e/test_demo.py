"""The demo itself: it ends well, leaves nothing behind, and says what failed when something did."""

import asyncio
import os
import signal
import sys
import tempfile
from pathlib import Path

DEMO = Path(__file__).resolve().parents[1] / "demo"
sys.path.insert(1, str(DEMO))

from bed import Bed, Unexpected  # noqa: E402
from bed.suite import Suite, expect, run  # noqa: E402
from bed.waiting import within  # noqa: E402
from story import Story  # noqa: E402

demo = Suite("demo", Bed)


async def start(*arguments: str, env: dict[str, str] | None = None) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, str(DEMO), *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env=os.environ | (env or {}), start_new_session=True)


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
        process = await start(env={"TMPDIR": folder})
        output, _ = await within(process.communicate(), "the demo to end", 120)
        text = output.decode()
        expect(f"exit status of\n{text}", 0, process.returncode)
        for words in ("1. ", "6. ", " ms later the push is in Apple's journal", "│ New message", "no second push",
                      "no push", "410 Unregistered", "gone from the database"):
            expect(f"{words!r} in\n{text}", True, words in text)
        expect("files left", [], os.listdir(folder))
        expect("processes left", [], processes_of(folder))
        expect("its process group is gone", True, group_is_gone(process.pid))


@demo.case
async def stays(bed: Bed) -> None:
    """with --keep it stays up and says how to connect; a signal ends it, and nothing is left"""
    with tempfile.TemporaryDirectory() as folder:
        process = await start("--keep", env={"TMPDIR": folder})
        assert process.stdout is not None
        text = ""
        while "   logs " not in text:
            line = await within(process.stdout.readline(), "how to connect", 120)
            if not line:
                raise Unexpected("the demo to stay", text)
            text += line.decode()
        for words in ("127.0.0.1, port", "password", "push.localhost", "http://127.0.0.1:"):
            expect(f"{words!r} in\n{text}", True, words in text)
        # Otherwise none of them would be missed.
        up = processes_of(folder)
        for words in (str(DEMO), "-s ejabberd", "-hidden", "apns_sim"):
            expect(f"{words!r} among {up}", True, any(words in command for command in up))
        process.send_signal(signal.SIGINT)
        await within(process.communicate(), "the demo to end", 60)
        expect("exit status", 0, process.returncode)
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
