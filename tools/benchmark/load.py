"""A node with very many devices in its database. Started by tools/bench_load; what is measured is in docs/performance.md."""

import asyncio
import itertools
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parents[2]
sys.path[1:1] = [str(TOP / "test" / "e2e"), str(TOP / "test" / "sql")]

import many  # noqa: E402
from bed import Bed, Unexpected  # noqa: E402
from databases import Mariadb, Postgres, SqlBed, Sqlite  # noqa: E402

STORES: dict[str, Callable[[], Bed]] = {
    "mnesia": Bed, "sqlite": lambda: SqlBed(Sqlite), "postgresql": lambda: SqlBed(Postgres), "mariadb": lambda: SqlBed(Mariadb),
}
# Users with an account, the last ones: looked up last, so a message to one finds him unknown.
SAMPLES = 400
# Seconds that look-ups are counted for; where not all are done by then, the pace is what is told.
LOOK_UPS_S = 60.0
# Devices of the export that are imported.
IMPORTED = 20_000
# Seconds that a start may take.
START_S = 600.0
# Seconds between two messages.
PACE_S = 0.1


class Bench:
    def __init__(self, name: str, bed: Bed, devices: int) -> None:
        self.name = name
        self.bed = bed
        self.users = devices // 2
        self.devices = devices
        self._next = self.users

    def say(self, what: str, value: float, digits: int = 0) -> None:
        print(f"load_{self.name}_{what}={value:.{digits}f}", flush=True)

    async def run(self) -> None:
        self.say("empty_rss_mb", self.memory("VmRSS"))
        await many.fill(self.bed, self.devices)
        await many.accounts(self.bed, *range(self.users - SAMPLES, self.users))
        if self.name == "mnesia":
            # As after some minutes, and not as after a crash.
            await self.bed.node.eval("mnesia:dump_log(), ok")
        self.bed.node.patience = START_S
        await self.bed.restart_node()
        self.say("start_s", float(re.findall(r"is started in the node \S+ in ([0-9.]+)s", await self.bed.log())[-1]), 1)
        await self.bed.sender()
        self.say("first_push_ms", await self.cold_push())
        self.say("start_rss_mb", self.memory("VmRSS"))
        await self.look_ups()
        await self.measured("reload", lambda: self.bed.node.reload_keeping(self.bed.module_config(content="sender")))
        await self.measured("count", lambda: self.command("count", "localhost"))
        file = self.bed.folder / "devices.jsonl"
        await self.measured("export", lambda: self.command("export_devices", "localhost", str(file)))
        some = self.bed.folder / "some.jsonl"
        with file.open(encoding="utf-8") as lines:
            header = json.loads(next(lines)) | {"count": IMPORTED}
            some.write_text(json.dumps(header) + "\n" + "".join(itertools.islice(lines, IMPORTED)), encoding="utf-8")
        await self.imported("import_known", "import_devices", "localhost", str(some))
        # The same devices as of later: all are written.
        some.write_text(some.read_text(encoding="utf-8").replace(str(many.THEN), str(many.THEN + 1)), encoding="utf-8")
        await self.imported("import", "import_devices", "localhost", str(some))

    async def look_ups(self) -> None:
        """Every user is looked up, one after another, as by messages to all of them; a message now and then on top."""
        await self.bed.node.eval(f"""register(look_ups, spawn(fun() ->
            Look = fun L({self.users}) -> {self.users}; L(N) ->
                push_loader:refresh([{{<<"many", (integer_to_binary(N))/binary>>, <<"localhost">>}}], infinity),
                receive {{count, From}} -> From ! {{looked_up, N}} after 0 -> ok end, L(N + 1) end,
            Done = Look(0), receive {{count, From}} -> From ! {{looked_up, Done}} end end)), ok""")
        ask = "look_ups ! {count, self()}, receive {looked_up, N} -> N end"
        start, waits, done = time.monotonic(), [], 0
        while done < self.users - SAMPLES and time.monotonic() < start + LOOK_UPS_S:
            waits.append(await self.cold_push())
            await asyncio.sleep(PACE_S)
            done = await self.bed.node.eval(ask)
        seconds = time.monotonic() - start
        await self.bed.node.eval("case whereis(look_ups) of undefined -> ok; P -> exit(P, kill), ok end")
        self.say("look_ups_per_s", done / seconds)
        self.say("look_ups_push_p50_ms", sorted(waits)[len(waits) // 2])
        self.say("look_ups_push_max_ms", max(waits))
        engine = await self.bed.engine()
        self.say("loaded_owners", engine["owners"])
        self.say("loaded_devices", engine["devices"])
        self.say("loaded_rss_mb", self.memory("VmRSS"))

    async def measured(self, what: str, act: Callable[[], Any]) -> None:
        """Its time and its peak of memory, and the slowest push to a user who is unknown, meanwhile."""
        await self.bed.node.eval("[garbage_collect(P) || P <- processes()], ok")
        (self.proc() / "clear_refs").write_text("5")
        before, start = self.memory("VmRSS"), time.monotonic()
        task = asyncio.ensure_future(act())
        waits = []
        while not task.done():
            waits.append(await self.cold_push())
            await asyncio.wait({task}, timeout=PACE_S)
        await task
        self.say(f"{what}_s", time.monotonic() - start, 1)
        self.say(f"{what}_peak_mb", self.memory("VmHWM") - before)
        self.say(f"{what}_push_max_ms", max(waits))

    async def imported(self, what: str, *command: str) -> None:
        start = time.monotonic()
        await self.measured(what, lambda: self.command(*command))
        self.say(f"{what}_devices_per_s", IMPORTED / (time.monotonic() - start))

    async def command(self, name: str, *arguments: str) -> None:
        """In a process of its own, so that others may be asked meanwhile."""
        given = ",".join(f'<<"{argument}">>' for argument in arguments)
        await self.bed.node.eval(
            f"""register(command, spawn(fun() -> A = (catch push_commands:{name}({given})),
                Tell = fun T() -> receive {{result, From}} -> From ! {{came, A}}, T(); stop -> ok end end, Tell() end)), ok""")
        while True:
            came = await self.bed.node.eval("command ! {result, self()}, receive {came, A} -> A after 200 -> busy end")
            if came != "busy":
                break
        await self.bed.node.eval("R = monitor(process, command), command ! stop, receive {'DOWN', R, _, _, _} -> ok end")
        if came and came[0] == "error":
            raise Unexpected(f"{name} to do its work", str(came))

    async def cold_push(self) -> float:
        """Milliseconds from a message to a user who is unknown so far, to his first push."""
        self._next -= 1
        if self._next < self.users - SAMPLES:
            self._next = self.users - 1
        wanted = {many.token(2 * self._next), many.token(2 * self._next + 1)}
        since = await self.bed.simulator.end()
        start = time.monotonic()
        (await self.bed.sender()).send(f"{many.user(self._next)}@localhost", "hello")
        while (push := await self.bed.simulator.next_push(since)).token not in wanted:
            since = push.sequence + 1
        waited = (time.monotonic() - start) * 1000
        await self.bed.simulator.reset()
        return waited

    def proc(self) -> Path:
        assert self.bed.node._process is not None
        return Path("/proc") / str(self.bed.node._process.pid)

    def memory(self, kind: str) -> float:
        """Of the node, in MB: VmRSS, or VmHWM since it was cleared."""
        lines = (self.proc() / "status").read_text(encoding="ascii").splitlines()
        return int(next(line for line in lines if line.startswith(kind)).split()[1]) / 1024


async def bench(stores: list[str], devices: int) -> None:
    for name in stores:
        async with STORES[name]() as bed:
            await Bench(name, bed, devices).run()


def main(arguments: list[str]) -> int:
    unknown = [name for name in arguments if name not in STORES]
    if unknown:
        print(f"bench: there is no store {unknown[0]}; there are {', '.join(STORES)}", file=sys.stderr)
        return 2
    # As an exception, so that what runs meanwhile is ended too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        asyncio.run(bench(arguments or list(STORES), int(os.environ.get("BENCH_DEVICES", "1000000"))))
    except (Unexpected, OSError) as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
