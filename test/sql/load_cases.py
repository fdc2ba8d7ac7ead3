"""Twenty thousand devices in the store, of ten thousand users: all are looked up, and messages go on meanwhile."""

import asyncio
import time
from collections.abc import Awaitable

import many
from bed import Bed
from bed.suite import Case, expect

CASES: list[Case] = []
DEVICES = 20_000
USERS = DEVICES // 2
# Users with an account; they are looked up last of all.
SAMPLES = range(USERS - 200, USERS)
# Seconds from a message to the push, whatever else goes on: a hundred times what it takes on a machine with nothing else to do.
BOUND_S = 5.0
# MB that work on all devices may take on top; they themselves would be more than 20.
PEAK_MB = 60.0


def case(function: Case) -> Case:
    CASES.append(function)
    return function


def memory(bed: Bed, kind: str) -> float:
    assert bed.node._process is not None
    with open(f"/proc/{bed.node._process.pid}/status", encoding="ascii") as status:
        return int(next(line for line in status if line.startswith(kind)).split()[1]) / 1024


class Samples:
    """Messages to users whom the engine does not know, and how long their pushes took."""

    def __init__(self, bed: Bed) -> None:
        self.bed = bed
        self.rest = list(SAMPLES)
        self.slowest = 0.0

    async def message(self) -> None:
        number = self.rest.pop()
        since = await self.bed.simulator.end()
        start = time.monotonic()
        (await self.bed.sender()).send(f"{many.user(number)}@localhost", "hello")
        for token in (many.token(2 * number), many.token(2 * number + 1)):
            await self.bed.simulator.next_push(since, token)
        self.slowest = max(self.slowest, time.monotonic() - start)

    async def during(self, work: Awaitable[object]) -> None:
        task = asyncio.ensure_future(work)
        while not task.done() and self.rest:
            await self.message()
            await asyncio.wait({task}, timeout=0.05)
        await task


async def prepared(bed: Bed) -> Samples:
    """Filled by the first case; nobody is known to the engine."""
    if (await bed.node.eval('push_devices:count(<<"localhost">>)'))[1].get("im.example.chat", 0) == 0:
        await many.fill(bed, DEVICES)
        await many.accounts(bed, *SAMPLES)
    await bed.sender()
    await bed.node.eval('push_loader:forget_host(<<"localhost">>, fun() -> ok end)')
    await bed.node.eval("[garbage_collect(P) || P <- processes()], ok")
    assert bed.node._process is not None
    with open(f"/proc/{bed.node._process.pid}/clear_refs", "w", encoding="ascii") as refs:
        refs.write("5")
    return Samples(bed)


async def look_up(bed: Bed, first: int, last: int) -> None:
    """One after another, and some in one go: an answer is not waited for longer than a minute."""
    for start in range(first, last + 1, 1000):
        await bed.node.eval(
            f"""[push_loader:refresh([{{<<"many", (integer_to_binary(N))/binary>>, <<"localhost">>}}], infinity)
                || N <- lists:seq({start}, {min(start + 999, last)})], ok""")


@case
async def all_looked_up(bed: Bed) -> None:
    """while all users are looked up, a message to one who is not known yet is soon a push; in the end all are known, once"""
    samples = await prepared(bed)
    await samples.during(look_up(bed, 0, SAMPLES[0] - 1))
    expect(f"{samples.slowest:.1f} s for a push", True, samples.slowest < BOUND_S)
    await look_up(bed, SAMPLES[0], SAMPLES[-1])
    engine = await bed.engine()
    expect("devices", DEVICES, engine["devices"])
    expect("users with devices", USERS, engine["owners"] - engine["owners_without_devices"])
    expect("dropped", 0, (await bed.node.counters())["loader_full"])


@case
async def reloaded(bed: Bed) -> None:
    """a reload after which all copies mean something else takes neither long nor much memory, and pushes go on"""
    samples = await prepared(bed)
    await look_up(bed, 0, SAMPLES[0] - 1)
    before = memory(bed, "VmRSS")
    await samples.during(bed.node.reload_keeping(bed.module_config(content="sender")))
    await samples.message()
    expect(f"{samples.slowest:.1f} s for a push", True, samples.slowest < BOUND_S)
    engine = await bed.engine()
    expect(f"owners that are known ({engine['owners']})", True, engine["owners"] < USERS // 2)
    added = memory(bed, "VmHWM") - before
    expect(f"{added:.0f} MB more", True, added < PEAK_MB)
    await bed.node.reload_keeping(bed.module_config())


@case
async def exported_and_imported(bed: Bed) -> None:
    """an export of all, and an import of what is there already, leave pushes their pace and take little memory"""
    samples = await prepared(bed)
    before = memory(bed, "VmRSS")
    file = bed.folder / "many.jsonl"
    await samples.during(bed.node.eval(f'{{ok, _}} = push_commands:export_devices(<<"localhost">>, <<"{file}">>)'))
    lines = file.read_text(encoding="utf-8").splitlines()[1:]
    expect("devices in the file, each once", (DEVICES, DEVICES), (len(lines), len(set(lines))))
    short = bed.folder / "some.jsonl"
    short.write_text("".join(line + "\n" for line in file.read_text(encoding="utf-8").splitlines()[:4001]), encoding="utf-8")
    await samples.during(bed.node.eval(f'_ = push_commands:import_devices(<<"localhost">>, <<"{short}">>)'))
    expect(f"{samples.slowest:.1f} s for a push", True, samples.slowest < BOUND_S)
    added = memory(bed, "VmHWM") - before
    expect(f"{added:.0f} MB more", True, added < PEAK_MB)
