"""What mod_push_service costs an ejabberd: messages between clients with it and without it, in turns, in one and the same node.

Started by tools/bench_hook; what is measured is in docs/performance.md.
"""

import asyncio
import os
import random
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[2] / "test" / "e2e"))

from bed import Bed, Node, Unexpected  # noqa: E402
from bed.machine import HOST, PASSWORD  # noqa: E402
from bed.phone import new_token  # noqa: E402
from bed.simulator import TOPIC  # noqa: E402

from .process import Failure  # noqa: E402
from .wire import Client, Recipients, send_all  # noqa: E402

LEAST_ROUNDS = 4
MOST_ROUNDS = 12
# No round begins later: on a machine that has other work a round may take a quarter of a minute.
BUDGET_S = 120.0
SENDERS = 4
# Of each kind, with each number of devices.
USERS = 20
DEVICES = (0, 1, 5)
# A run takes about half a second, so that a round is over before the machine has become another one. An
# offline message is written to a file by mod_offline, and costs many times an online one.
ONLINE_MESSAGES = 8_000
OFFLINE_MESSAGES = 2_000
# Of a run, the part that goes before, uncounted.
WARM_UP_SHARE = 4
BODY = "x" * 100


class PinnedNode(Node):
    """An ejabberd on one core, which does not spin while it has nothing to do: that would count as work."""

    core = "0"

    def _command(self) -> list[str]:
        quiet = ["+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none"]
        erl, *rest = super()._command()
        return ["taskset", "--cpu-list", self.core, erl, *quiet, *rest]

    def cpu_s(self) -> float:
        """User and system time of all its threads."""
        assert self._process is not None
        # taskset and the shell that erl is have replaced themselves by the VM.
        return time.clock_gettime((~self._process.pid << 3) | 2)


@dataclass(frozen=True)
class Kind:
    """One kind of message: to whom, and whether the module is there. Without it nobody looks at the devices."""

    loaded: bool
    online: bool
    devices: int

    @property
    def name(self) -> str:
        where = "online" if self.online else "offline"
        what = f"{self.devices}_devices" if self.loaded else "without"
        return f"hook_{where}_{what}"

    @property
    def pushes(self) -> int:
        """Of each message."""
        return self.devices if self.loaded and not self.online else 0

    @property
    def messages(self) -> int:
        return ONLINE_MESSAGES if self.online else OFFLINE_MESSAGES

    def recipients(self) -> list[str]:
        where = "on" if self.online else "off"
        return [f"{where}{self.devices}x{number}" for number in range(USERS)]


@dataclass(frozen=True)
class Run:
    cpu_us: float
    messages_per_s: float


def kinds(loaded: bool, online: bool) -> list[Kind]:
    return [Kind(loaded, online, devices) for devices in DEVICES]


class Bench:
    def __init__(self, bed: Bed, node: PinnedNode) -> None:
        self.bed = bed
        self.node = node
        self.senders: list[Client] = []
        self.readers: dict[int, Recipients] = {}
        self.clients: list[Client] = []
        self.runs: dict[Kind, list[Run]] = defaultdict(list)
        self._serial = 0
        self._draw = random.Random(1)

    async def prepare(self) -> None:
        """Accounts, devices, and sessions of those who are online."""
        senders = [f"sender{number}" for number in range(SENDERS)]
        for kind in kinds(True, True) + kinds(True, False):
            for user in kind.recipients():
                await self._account(user)
                for _ in range(kind.devices):
                    await self._device(user)
        for user in senders:
            await self._account(user)
        self.senders = [self._client(user) for user in senders]
        for kind in kinds(True, True):
            self.readers[kind.devices] = Recipients([self._client(user) for user in kind.recipients()])

    async def measure(self) -> None:
        """In turns, the one that comes first changing from round to round."""
        start = time.monotonic()
        for number in range(MOST_ROUNDS):
            if number >= LEAST_ROUNDS and time.monotonic() - start > BUDGET_S:
                break
            for loaded in (False, True) if number % 2 == 0 else (True, False):
                await self._load_module(loaded)
                for online in (True, False):
                    await self._measure_all(kinds(loaded, online))

    async def _measure_all(self, chosen: list[Kind]) -> None:
        """What runs first after a reload is dearer than the same a moment later, so that does not count; and none has a
        place of its own in the order."""
        for kind in chosen:
            await self._run(kind, kind.messages // WARM_UP_SHARE)
        for kind in self._draw.sample(chosen, len(chosen)):
            self.runs[kind].append(await self._run(kind, kind.messages))

    def results(self) -> Iterator[str]:
        told: dict[str, list[Run]] = defaultdict(list)
        for kind, runs in self.runs.items():
            told[kind.name] += runs
        for name, runs in sorted(told.items()):
            yield f"{name}_cpu_us={statistics.median(run.cpu_us for run in runs):.1f}"
            yield f"{name}_messages_per_s={statistics.median(run.messages_per_s for run in runs):.0f}"
        # Nothing is pushed to those who are online, however many devices they have.
        yield f"hook_throughput_ratio={self._ratio(True, DEVICES):.3f}"
        for devices in DEVICES:
            yield f"hook_offline_{devices}_devices_throughput_ratio={self._ratio(False, (devices,)):.3f}"

    def close(self) -> None:
        for each in [*self.clients, *self.readers.values()]:
            each.close()

    def _ratio(self, online: bool, numbers: tuple[int, ...]) -> float:
        """How many messages a core does with the module for each one that it does without, to the same recipients in the
        same round; of all these the median."""
        return statistics.median(
            without.cpu_us / loaded.cpu_us
            for devices in numbers
            for without, loaded in zip(
                self.runs[Kind(False, online, devices)], self.runs[Kind(True, online, devices)], strict=True)
        )

    async def _run(self, kind: Kind, messages: int) -> Run:
        self._serial += 1
        loads = self._loads(kind, messages)
        mark = f"end{self._serial}"
        # Neither the messages of the run before nor their garbage are this one's.
        await self.node.eval("mnesia:clear_table(offline_msg), mnesia:dump_log()")
        await self.node.eval("[garbage_collect(P) || P <- processes()], ok")
        before = await self.bed.engine() if kind.loaded else {}
        cpu, start = self.node.cpu_s(), time.monotonic()
        sending = asyncio.to_thread(send_all, self.senders, loads, mark, HOST)
        if kind.online:
            reader = self.readers[kind.devices]
            await asyncio.gather(sending, asyncio.to_thread(reader.receive, messages))
        else:
            await sending
        wall = time.monotonic() - start
        if kind.pushes:
            # The engine's work for these messages is part of their cost; asking it is not.
            await self.bed.engine_at_rest()
            asked = self.node.cpu_s()
            await self.bed.engine_at_rest()
            cpu += self.node.cpu_s() - asked
        cpu = self.node.cpu_s() - cpu
        if kind.loaded:
            await self._check_pushes(kind, messages, before, await self.bed.engine())
        return Run(cpu * 1e6 / messages, messages / wall)

    async def _check_pushes(self, kind: Kind, messages: int, before: dict[str, int], after: dict[str, int]) -> None:
        wanted = messages * kind.pushes
        taken = after["taken"] - before["taken"]
        if taken != wanted:
            raise Failure(f"{kind.name}: {taken} pushes were taken where {wanted} were to be")
        await self.bed.simulator.reset()

    def _loads(self, kind: Kind, messages: int) -> list[bytes]:
        """What each sender sends: messages to all recipients in turn."""
        users = kind.recipients()
        stanzas = [
            f"<message type='chat' id='m{self._serial}-{number}' to='{users[number % USERS]}@{HOST}'>"
            f"<body>{BODY}</body></message>" for number in range(messages)
        ]
        return ["".join(stanzas[sender::SENDERS]).encode() for sender in range(SENDERS)]

    async def _load_module(self, wanted: bool) -> None:
        await self.node.reload(self.bed.module_config() if wanted else self.bed.modules)
        if wanted:
            # What the sessions are to know, they are told before the first message.
            await self.bed.settle()

    async def _account(self, user: str) -> None:
        await self.bed.register_account(f"{user}@{HOST}")

    async def _device(self, user: str) -> None:
        result = await self.node.eval(
            f'push_devices:register(#{{us => {{<<"{user}">>, <<"{HOST}">>}}, app => <<"{TOPIC}">>, '
            f'token => <<"{new_token()}">>, kind => alert, device_id => <<>>, node => <<>>, name => <<>>, '
            f'resource => <<"elsewhere">>, content => none, language => <<"en">>, remove_on_logout => false, '
            f'registered_at => 1}})')
        if result != "ok":
            raise Failure(f"a device could not be registered: {result}")

    def _client(self, user: str) -> Client:
        client = Client(self.node.port, user, HOST, PASSWORD, "phone")
        self.clients.append(client)
        return client


async def bench() -> None:
    bed = Bed()
    bed.node = node = PinnedNode(bed.folder)
    node.core = os.environ.get("BENCH_CLIENT_CORE", "0")
    async with bed:
        measured = Bench(bed, node)
        try:
            await measured.prepare()
            await measured.measure()
        finally:
            measured.close()
        for line in measured.results():
            print(line, flush=True)


def main() -> int:
    # This program and all that it starts, ejabberd excepted.
    os.sched_setaffinity(0, {int(os.environ.get("BENCH_SERVER_CORE", "1"))})
    try:
        asyncio.run(bench())
    except (Failure, Unexpected, OSError) as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
