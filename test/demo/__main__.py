"""Shows a push on its way from a real ejabberd to a simulated phone: `make demo`.

Starts ejabberd and the simulator on loopback, in a private directory, and lets slixmpp clients act. Leaves nothing
behind. With --keep (make demo KEEP=1) it stays up at the end and says how to connect a client.
"""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from bed import Bed, Unexpected  # noqa: E402
from bed.machine import PASSWORD  # noqa: E402
from screen import lock_screen  # noqa: E402
from story import ALICE, BOB, Story  # noqa: E402


def say(text: str) -> None:
    print(text, flush=True)


async def show(bed: Bed) -> bool:
    """Tells the story; False at the first step that fails."""
    number = 0
    async for name, step in Story(bed).tell():
        number += 1
        try:
            told = await step()
        except Unexpected as error:
            say(f"{number}. {name}: FAILED")
            say(f"   expected: {error.expected}")
            say(f"   came:     {error.came}")
            say(f"   logs:     {bed.node.log}\n             {bed.simulator.log}")
            return False
        say(f"{number}. {told.line}")
        if told.push:
            say("\n".join("       " + line for line in lock_screen(told.push)))
    return True


async def stay(bed: Bed) -> None:
    ready = bed.simulator.ready
    say(f"""
It stays up until Ctrl-C. Connect a client:
   server      127.0.0.1, port {bed.node.port}, without TLS
   accounts    {ALICE} and {BOB}, password {PASSWORD}
   register    <enable xmlns='urn:xmpp:push:0' jid='push.localhost' node='{"ab" * 32}'/>
               (any device token will do; docs/clients.md tells the rest)
   phones      {ready["page"]}
   logs        {bed.node.log}""")
    # Woken by the task's end only: Ctrl-C cancels it.
    await asyncio.Event().wait()


async def main(keep: bool) -> int:
    bed = Bed()
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    fine = False
    try:
        await bed.simulator.start()
        bed.write_config()
        await bed.node.start()
        say("ejabberd and the simulator are up, on loopback, in a private directory")
        fine = await show(bed)
        if fine and keep:
            await stay(bed)
    except Unexpected as error:
        say(f"The demo cannot start. {error}")
    except asyncio.CancelledError:
        say("\nstopped")
    finally:
        # The logs of a failure are what its reader needs next.
        await bed.close(keep=not fine)
    if fine:
        say("Everything is stopped and removed.")
    return 0 if fine else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="stay up at the end, until Ctrl-C")
    try:
        sys.exit(asyncio.run(main(parser.parse_args().keep)))
    except FileNotFoundError as missing:
        sys.exit(str(missing))
