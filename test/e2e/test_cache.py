"""A registry with room for 100 owners on a server with more: who was let go gets pushes all the same."""

from typing import Any

from bed import Bed
from bed.phone import new_token
from bed.simulator import TOPIC
from bed.suite import Suite, expect, run

ROOM = 100


class SmallCache(Bed):
    def module_config(self, **options: Any) -> dict[str, Any]:
        apps = {TOPIC: self.simulator.app() | {"registry_limit": ROOM}}
        return super().module_config(**({"apps": apps} | options))

    async def accounts(self, name: str, count: int, devices: bool) -> dict[str, str]:
        """Accounts that never log in, each with its token, registered or not."""
        tokens = {f"{name}{number}": new_token() for number in range(count)}
        pairs = ",".join(f'{{<<"{user}">>,<<"{token}">>}}' for user, token in tokens.items())
        register = "ok" if not devices else (
            f'''ok = push_devices:register(#{{us => {{U, <<"localhost">>}}, app => <<"{TOPIC}">>, token => T, kind => alert,
            device_id => <<>>, node => <<>>, name => <<>>, resource => <<>>, content => body, language => <<>>,
            remove_on_logout => false, registered_at => 1}})''')
        await self.node.eval(
            f'[begin _ = T, ok = ejabberd_auth:try_register(U, <<"localhost">>, <<"x">>), {register} end || {{U, T}} <- [{pairs}]], ok')
        return {f"{user}@localhost": token for user, token in tokens.items()}

    async def known(self, jid: str) -> Any:
        """How many devices of a user the engine knows of; looking counts as asking for."""
        known = await self.node.eval(f'apns_nif:count_devices(<<"{TOPIC}">>, <<"{jid}">>)')
        return known[1]

    async def counted(self) -> tuple[int, int, int]:
        numbers = await self.engine()
        return numbers["owners"], numbers["owners_evicted"], numbers["owners_fetched_again"]


cache = Suite("a small cache", SmallCache)
levels = Suite("a small cache of three levels", lambda: SmallCache(options={"content": "body"}))


@cache.case
async def evicted(bed: SmallCache) -> None:
    """a user whom the engine let go is unknown to it, and the phone rings once for the next message"""
    bob, alice = await bed.user(), await bed.sender()
    token = await bed.absent(bob)
    _, before, again = await bed.counted()
    await bed.accounts("crowd", 3 * ROOM, devices=True)
    owners, evicted, _ = await bed.counted()
    expect("owners, and some let go", (True, True), (owners <= ROOM, evicted - before >= 2 * ROOM))
    expect("the engine's answer", "unknown_owner", await bed.known(bob))
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    expect("pushes", [token], [push.token for push in await bed.pushes(since, bob)])
    expect("the engine's answer, then", 1, await bed.known(bob))
    expect("fetched again", True, (await bed.counted())[2] > again)
    expect("in the log", False, "registry is full" in await bed.log())


@cache.case
async def flood(bed: SmallCache) -> None:
    """messages to crowds without a phone drive nobody out who has one"""
    alice = await bed.sender()
    having = await bed.accounts("having", ROOM // 2, devices=True)
    # They are older than the crowd of before, or they are not there: those who are there must stay.
    there = [jid for jid in having if await bed.known(jid) == 1]
    crowd = await bed.accounts("phoneless", 3 * ROOM, devices=False)
    _, before, _ = await bed.counted()
    since = await bed.simulator.end()
    for jid in crowd:
        alice.send(jid, "hello")
    expect("pushes", [], await bed.pushes(since, *list(crowd)[-1:]))
    expect("let go", True, (await bed.counted())[1] - before >= 2 * ROOM)
    expect("some to look at", True, len(there) > ROOM // 4)
    expect("let go of those with a phone", [], [jid for jid in there if await bed.known(jid) != 1])


@levels.case
async def thrashed(bed: SmallCache) -> None:
    """where each message finds its user let go, each is pushed, once"""
    alice = await bed.sender()
    crowd = await bed.accounts("crowd", 2 * ROOM, devices=True)
    for turn in range(2):
        since = await bed.simulator.end()
        for jid in crowd:
            alice.send(jid, f"hello {turn}")
        pushed = sorted(push.token for push in await bed.pushes(since, *list(crowd)[-1:]))
        expect("tokens pushed to", sorted(crowd.values()), pushed)
    expect("refused", [0, 0], [(await bed.node.counters())[name] for name in ("refused", "app_down")])
    owners, evicted, again = await bed.counted()
    expect("owners, evicted, fetched again", (True, True, True), (owners <= ROOM, evicted > 6 * ROOM, again > 3 * ROOM))


if __name__ == "__main__":
    run(cache, levels)
