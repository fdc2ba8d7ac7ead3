"""Shows a push on its way from a real ejabberd to a simulated phone: `make demo`.

Starts ejabberd and the simulator on loopback, in a private directory, and lets slixmpp clients act. Leaves nothing
behind, unless a step failed: then the logs stay, and their path is told. With --keep (make demo KEEP=1) it stays up at
the end and says how to connect a client.
"""

import argparse
import asyncio
import contextlib
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from bed import Bed, Unexpected  # noqa: E402
from bed.machine import PASSWORD  # noqa: E402
from screen import lock_screen  # noqa: E402
from story import ALICE, BOB, Story  # noqa: E402

# Ctrl-C, `kill`, and the end of the terminal: each ends the demo in order.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def say(text: str) -> None:
    # Whoever read it may be gone, and with it the terminal; there is still something to put away.
    with contextlib.suppress(OSError):
        print(text, flush=True)


def say_failed(name: str, error: Exception, bed: Bed) -> None:
    """Whatever went wrong: what was expected, what came, and where to read on."""
    if isinstance(error, Unexpected):
        expected, came = error.expected, error.came
    else:
        expected, came = "no error of the demo's own", f"{type(error).__name__}: {error}"
    say(f"{name}: FAILED")
    say(f"   expected: {expected}")
    say(f"   came:     {came}")
    say(f"   logs:     {bed.node.log}\n             {bed.simulator.log}")


async def show(story: Story, bed: Bed) -> bool:
    """Tells the story; False at the first step that fails."""
    number = 0
    async for name, step in story.tell():
        number += 1
        try:
            told = await step()
        except Exception as error:  # noqa: BLE001  a step may fail in any way
            say_failed(f"{number}. {name}", error, bed)
            return False
        say(f"{number}. {told.line}")
        if told.push:
            say("\n".join("       " + line for line in lock_screen(told.push)))
    return True


async def stay(story: Story, bed: Bed) -> None:
    token = await story.stay_away()
    ready = bed.simulator.ready
    say(f"""
It stays up until Ctrl-C. Bob has registered the device {token[:8]}… and is offline: write to him, and it rings.
   phones      {ready["page"]}
   server      127.0.0.1, port {bed.node.port}, without TLS
   accounts    {ALICE} and {BOB}, password {PASSWORD}
   write       echo Hello | sendxmpp -u alice -p {PASSWORD} -j 127.0.0.1:{bed.node.port} -o localhost {BOB}
   chat        profanity, and there: /connect {ALICE} server 127.0.0.1 port {bed.node.port} tls disable
               (both are Debian packages; most graphical clients refuse a server without TLS)
   register    <enable xmlns='urn:xmpp:push:0' jid='push.localhost' node='{"ab" * 32}'/>
               (any device token will do; docs/clients.md tells the rest)
   logs        {bed.node.log}""")
    # Woken by the task's end only: a signal cancels it.
    await asyncio.Event().wait()


class Ending:
    """A signal ends the task in order; once it puts its things away, no further signal disturbs it in that."""

    def __init__(self) -> None:
        self.number: int | None = None
        self.under_way = False
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        for number in SIGNALS:
            # Under nohup the end of the terminal does not count.
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                asyncio.get_running_loop().add_signal_handler(number, self._end, number)

    def _end(self, number: int) -> None:
        if not self.under_way:
            self.number = self.number or number
            self._task.cancel()


async def main(keep: bool) -> int:
    ending = Ending()
    bed = Bed()
    shown = failed = False
    try:
        try:
            await bed.simulator.start()
            bed.write_config()
            await bed.node.start()
            say("ejabberd and the simulator are up, on loopback, in a private directory")
            story = Story(bed)
            shown = await show(story, bed)
            failed = not shown
            if shown and keep:
                await stay(story, bed)
        except Exception as error:  # noqa: BLE001  so may the start
            failed = True
            say_failed("The demo cannot start" if not shown else "The demo cannot stay", error, bed)
    except asyncio.CancelledError:
        say("\nstopped")
    finally:
        ending.under_way = True
        # The logs of a failure are what its reader needs next.
        await bed.close(keep=failed)
    if failed:
        say(f"Everything is stopped. Kept, with the logs: {bed.folder}")
        return 1
    say("Everything is stopped and removed.")
    return 0 if shown else 128 + (ending.number or 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="stay up at the end, until Ctrl-C")
    try:
        sys.exit(asyncio.run(main(parser.parse_args().keep)))
    except FileNotFoundError as missing:
        sys.exit(str(missing))
