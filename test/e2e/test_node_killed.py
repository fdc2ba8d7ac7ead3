"""A node that is killed in the middle: the other agrees with the database, and so does the killed one when it is back.

Where a step must last until the node is dead, the process that does the next one is suspended before.
"""

import asyncio
import time

from bed.phone import Phone, new_token
from bed.suite import Suite, expect, run
from bed.waiting import within
from test_cluster import Cluster

# Seconds that an answer may wait for other nodes (REFRESH_TIMEOUT in push_devices), and some for a busy machine.
REFRESH_S = 5.0
SOME_S = 3.0


class Killed(Cluster):
    async def suspend_loader(self, node: object) -> None:
        """What this node's engine is told waits from here on; what others tell it, too."""
        await node.eval("sys:suspend(push_loader)")

    async def second_is_killed(self) -> None:
        await self.second.kill()
        await self.misses(self.node, self.second)
        await self.node_settles(self.node)

    async def everybody_agrees(self, expected: dict[str, list[str]]) -> None:
        """The database, the survivor's pushes, and those of the killed node when it is back; each token once."""
        for jid, tokens in expected.items():
            expect(f"tokens of {jid}", sorted(tokens), sorted(await self.stored(jid)))
            expect(f"the survivor's pushes to {jid}", sorted(tokens), sorted(await self.told(self.node, jid)))
        owned = [token for tokens in expected.values() for token in tokens]
        expect("owners of one token", len(owned), len(set(owned)))
        await self.second.start()
        for jid, tokens in expected.items():
            expect(f"the other's pushes to {jid}, back again", sorted(tokens), sorted(await self.told(self.second, jid)))
            expect(f"the survivor's pushes to {jid} then", sorted(tokens), sorted(await self.told(self.node, jid)))

    async def known_everywhere(self, **expected: tuple[str, list[str]]) -> None:
        """Both nodes have a copy, such as it is now."""
        for jid, tokens in expected.values():
            for node in (self.node, self.second):
                expect(f"pushes to {jid} before", tokens, await self.told(node, jid))

    async def has_written(self, jid: str, tokens: list[str]) -> None:
        """Waits for the survivor's copy of the database to have these tokens."""
        user, _, host = jid.partition("@")
        wanted = ",".join(f'<<"{token}">>' for token in sorted(tokens))
        await self.node.eval(
            f"""{{ok, _}} = mnesia:subscribe({{table, push_device, simple}}),
            Tokens = fun() -> {{ok, Ds}} = push_devices:list({{<<"{user}">>, <<"{host}">>}}),
                              lists:sort([T || #{{token := T}} <- Ds]) end,
            Wait = fun W() -> case Tokens() of [{wanted}] -> ok;
                _ -> receive {{mnesia_table_event, _}} -> W() after 20000 -> exit(late) end end end, Wait()""")


async def abandon(task: "asyncio.Task[object]", *phones: Phone) -> None:
    """An answer that never comes, since who had to give it is dead."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    for phone in phones:
        await phone.close()


killed = Suite("a node is killed", Killed)


@killed.case
async def before_the_write(bed: Killed) -> None:
    """before a registration is written: nobody has the device"""
    bob, token = await bed.user(), new_token()
    await bed.known_everywhere(bob=(bob, []))
    phone = await bed.at(bed.second, bob)
    # The survivor holds the lock on the table until the other is dead.
    await bed.node.eval(
        f"""Me = self(), register(table_lock, spawn(fun() ->
            mnesia:transaction(fun() ->
                mnesia:write_lock_table(push_device), Me ! locked, receive release -> ok end
            end) end)), receive locked -> ok end""")
    asks = asyncio.create_task(phone.enable(token))
    try:
        # It has begun with the write, and gets no further.
        await bed.second.eval(
            """Wait = fun W(0) -> exit(late); W(N) -> case mnesia:system_info(transactions) of
                [] -> receive after 20 -> W(N - 1) end; _ -> ok end end, Wait(1000)""")
        await bed.second.kill()
    finally:
        await bed.node.eval("table_lock ! release, ok")
    await abandon(asks, phone)
    await bed.misses(bed.node, bed.second)
    await bed.node_settles(bed.node)
    await bed.everybody_agrees({bob: []})


@killed.case
async def before_the_answer(bed: Killed) -> None:
    """when a registration is written, and nobody was told yet: the phone is pushed to, and its former owner's user not"""
    bob, carol, token = await bed.user(), await bed.user("carol"), new_token()
    await bed.left(bed.node, carol, token)
    await bed.known_everywhere(bob=(bob, []), carol=(carol, [token]))
    phone = await bed.at(bed.second, bob)
    await bed.suspend_loader(bed.second)
    asks = asyncio.create_task(phone.enable(token))
    await bed.has_written(bob, [token])
    await bed.second_is_killed()
    await abandon(asks, phone)
    await bed.everybody_agrees({bob: [token], carol: []})


@killed.case
async def after_the_answer(bed: Killed) -> None:
    """right after the answer to a registration: it holds"""
    bob, token = await bed.user(), new_token()
    await bed.known_everywhere(bob=(bob, []))
    phone = await bed.at(bed.second, bob)
    await phone.enable(token)
    await bed.second.kill()
    await phone.close()
    await bed.misses(bed.node, bed.second)
    await bed.node_settles(bed.node)
    await bed.everybody_agrees({bob: [token]})


@killed.case
async def refreshing_others(bed: Killed) -> None:
    """while it waits for the survivor to read what it wrote: the survivor reads it"""
    bob, token = await bed.user(), new_token()
    await bed.known_everywhere(bob=(bob, []))
    phone = await bed.at(bed.second, bob)
    await bed.suspend_loader(bed.node)
    asks = asyncio.create_task(phone.enable(token))
    # The survivor has its request when there is one in its loader's mailbox.
    await bed.node.eval(
        """Wait = fun W(0) -> exit(late); W(N) -> case process_info(whereis(push_loader), message_queue_len) of
            {_, 0} -> receive after 20 -> W(N - 1) end; _ -> ok end end, Wait(1000)""")
    await bed.second.kill()
    await bed.misses(bed.node, bed.second)
    await bed.node.eval("sys:resume(push_loader)")
    await abandon(asks, phone)
    await bed.node_settles(bed.node)
    await bed.everybody_agrees({bob: [token]})


@killed.case
async def refreshed_by_the_survivor(bed: Killed) -> None:
    """while the survivor waits for it: the survivor's answer comes at once; from one that only hangs, after five seconds"""
    bob, carol = await bed.user(), await bed.user("carol")
    his, hers = new_token(), new_token()
    await bed.known_everywhere(bob=(bob, []), carol=(carol, []))
    phone, other = await bed.at(bed.node, bob), await bed.at(bed.node, carol)
    await bed.suspend_loader(bed.second)
    began = time.monotonic()
    await within(phone.enable(his), "an answer although the other node hangs", REFRESH_S + SOME_S)
    took = time.monotonic() - began
    expect(f"that it waited for the node that hangs: {took:.1f} s", True, REFRESH_S - 0.5 < took < REFRESH_S + SOME_S)
    asks = asyncio.create_task(other.enable(hers))
    await bed.has_written(carol, [hers])
    await bed.second.kill()
    await within(asks, "an answer when the other node is dead", SOME_S)
    for each in (phone, other):
        await each.logout()
    for jid in (bob, carol):
        await bed.session_ends(jid)
    await bed.misses(bed.node, bed.second)
    await bed.node_settles(bed.node)
    await bed.everybody_agrees({bob: [his], carol: [hers]})


@killed.case
async def unregistering(bed: Killed) -> None:
    """when the end of a registration is written, and nobody was told yet: no push, by either"""
    bob, token, stays = await bed.user(), new_token(), new_token()
    await bed.left(bed.node, bob, stays)
    phone = await bed.at(bed.second, bob)
    await phone.enable(token)
    await bed.suspend_loader(bed.second)
    asks = asyncio.create_task(phone.disable(token))
    await bed.has_written(bob, [stays])
    await bed.second_is_killed()
    await abandon(asks, phone)
    await bed.everybody_agrees({bob: [stays]})


@killed.case
async def logging_out(bed: Killed) -> None:
    """in a logout that is not written yet: the device stays, for all alike, until its next logout"""
    bob, token = await bed.user(), new_token()
    phone = await bed.at(bed.second, bob)
    await phone.enable(token, remove_on_logout="true")
    await bed.suspend_loader(bed.second)
    await phone.logout()
    await bed.session_ends(bob)
    await bed.second_is_killed()
    await bed.everybody_agrees({bob: [token]})
    phone = await bed.at(bed.second, bob)
    await bed.node_settles(bed.second)
    await phone.logout()
    await bed.until_stored(bob, [])
    expect("pushes in the end", [[], []], [await bed.told(node, bob) for node in (bed.node, bed.second)])


@killed.case
async def pushing(bed: Killed) -> None:
    """with a push on its way: it is not sent twice, the message waits, and the next push comes once"""
    bob, token = await bed.user(), new_token()
    await bed.left(bed.second, bob, token)
    await bed.known_everywhere(bob=(bob, [token]))
    alice = await bed.at(bed.second, await bed.user("alice"), "desk")
    since = await bed.simulator.end()
    # Apple has it and does not answer.
    await bed.simulator.script({"token": token, "action": "stall", "times": 1})
    alice.send(bob, "on its way")
    await bed.simulator.next_push(since, token)
    await bed.second.kill()
    await alice.close()
    await bed.misses(bed.node, bed.second)
    await bed.node_settles(bed.node)
    await bed.everybody_agrees({bob: [token]})
    pushed = [push for push in await bed.simulator.journal(since) if push.token == token]
    expect("pushes: of the message, and of the three after it", 4, len(pushed))
    phone = await bed.at(bed.node, bob)
    # After those that found him away before.
    bodies = [await phone.next_message() for _ in range(3)]
    expect("messages", ["hello", "hello", "on its way"], bodies)


if __name__ == "__main__":
    run(killed)
