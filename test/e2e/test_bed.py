"""The testbed itself: what it starts it ends, whatever goes wrong on the way."""

import os

from bed import Bed, child
from bed.suite import expect, run


class Broken:
    async def close(self) -> None:
        raise ConnectionError("a phone that cannot be closed")


async def ends_all() -> None:
    """a phone that cannot be closed keeps neither ejabberd nor the simulator running, nor the directory, and is told"""
    bed = Bed()
    bed.phones.append(Broken())  # type: ignore[arg-type]
    await bed.simulator.start()
    # In ejabberd's place, whose start takes longer.
    bed.node._process = sleeper = await child.start(["sleep", "600"], bed.folder / "sleep.log", dict(os.environ))
    told = None
    try:
        await bed.close()
    except ConnectionError as error:
        told = str(error)
    expect("the error", "a phone that cannot be closed", told)
    expect("the node has ended", True, sleeper.returncode is not None)
    assert bed.simulator._process is not None
    expect("the simulator has ended", True, bed.simulator._process.returncode is not None)
    expect("the directory is there", False, bed.folder.exists())


async def endings() -> tuple[int, int]:
    try:
        await ends_all()
    except AssertionError as error:
        print(f"FAIL testbed: {error}", flush=True)
        return 0, 1
    print(f"ok   testbed: {(ends_all.__doc__ or '').strip()}", flush=True)
    return 1, 0


if __name__ == "__main__":
    run(more=endings)
