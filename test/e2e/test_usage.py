"""What administrators see of a device's use: when Apple last took a push for it, and why Apple last refused one."""

import time

from bed import Bed
from bed.phone import new_token
from bed.simulator import TOPIC
from bed.suite import Suite, expect, run

usage = Suite("use of devices", Bed)

MONTH_MS = 30 * 24 * 3600 * 1000
UNTIL_WRITTEN = """Wait = fun W(0) -> late; W(N) ->
    ok = push_usage:flush(),
    {ok, [D]} = push_devices:list({<<"USER">>, <<"localhost">>}),
    case is_map_key(FIELD, D) of true -> ok; false -> receive after 20 -> W(N - 1) end end
end, Wait(1000)"""


def shown(ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ms // 1000))


async def old_device(bed: Bed) -> tuple[str, str]:
    """A user whose device was registered a month ago; his token."""
    bob, token = await bed.user(), new_token()
    user, _, host = bob.partition("@")
    expect("registration", "ok", await bed.node.eval(
        f"""push_devices:register(#{{us => {{<<"{user}">>, <<"{host}">>}}, app => <<"{TOPIC}">>, token => <<"{token}">>,
            kind => alert, device_id => <<>>, node => <<>>, name => <<>>, resource => <<>>, content => none,
            language => <<>>, remove_on_logout => false,
            registered_at => erlang:system_time(millisecond) - {MONTH_MS}}})"""))
    return bob, token


async def row(bed: Bed, jid: str) -> list[str]:
    code, printed = await bed.node.ctl("push_devices", *jid.split("@"))
    expect("exit code", 0, code)
    return printed.strip("\n").split("\t")


async def until_written(bed: Bed, jid: str, field: str) -> None:
    """What is known of the push just made is in the store. No event tells of it: Apple's answer is on its way."""
    waited = await bed.node.eval(UNTIL_WRITTEN.replace("USER", jid.partition("@")[0]).replace("FIELD", field))
    expect(f"{field} in the store", "ok", waited)


@usage.case
async def last_used(bed: Bed) -> None:
    """a push that Apple took is the device's last use; until then its registration is"""
    bob, token = await old_device(bed)
    alice = await bed.sender()
    first = await row(bed, bob)
    expect("last used", first[9], first[13])
    before = shown(time.time_ns() // 1_000_000)
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    await bed.simulator.next_push(since, token)
    await until_written(bed, bob, "last_used")
    then = await row(bed, bob)
    expect("registered", first[9], then[9])
    expect("last used", True, before <= then[13] <= shown(time.time_ns() // 1_000_000))
    expect("last error", "", then[14])


@usage.case
async def last_error(bed: Bed) -> None:
    """a push that Apple refused is the device's last error, with Apple's word; one that it takes then is a use again"""
    bob, token = await old_device(bed)
    alice = await bed.sender()
    await bed.simulator.script({"token": token, "reason": "PayloadTooLarge", "times": 1})
    alice.send(bob, "refused")
    await until_written(bed, bob, "last_error")
    refused = await row(bed, bob)
    expect("last used", refused[9], refused[13])
    at, _, reason = refused[14].partition(" ")
    expect("reason", "PayloadTooLarge", reason)
    expect("time", True, at >= shown(time.time_ns() // 1_000_000 - 60_000))
    alice.send(bob, "taken")
    await until_written(bed, bob, "last_used")
    mended = await row(bed, bob)
    expect("last used", True, mended[13] >= at)
    expect("last error", refused[14], mended[14])


@usage.case
async def tested(bed: Bed) -> None:
    """what a test push comes to counts too"""
    bob, token = await old_device(bed)
    await bed.simulator.script({"token": token, "reason": "PayloadTooLarge", "times": 1})
    await bed.node.ctl("push_test", *bob.split("@"))
    await until_written(bed, bob, "last_error")
    await bed.node.ctl("push_test", *bob.split("@"))
    await until_written(bed, bob, "last_used")


@usage.case
async def registered_again(bed: Bed) -> None:
    """a new registration begins anew: nothing that was said of the former one is left"""
    bob, token = await old_device(bed)
    alice = await bed.sender()
    await bed.simulator.script({"token": token, "reason": "PayloadTooLarge", "times": 1})
    alice.send(bob, "refused")
    await until_written(bed, bob, "last_error")
    await bed.registered(bob, token)
    again = await row(bed, bob)
    expect("last used, last error", [again[9], ""], again[13:])


@usage.case
async def asked_once(bed: Bed) -> None:
    """of two pushes in a row Apple's answer to the first alone is asked for"""
    bob, token = await old_device(bed)
    alice = await bed.sender()
    before = (await bed.engine())["events_sent"]
    for text in ("first", "second", "third"):
        since = await bed.simulator.end()
        alice.send(bob, text)
        await bed.simulator.next_push(since, token)
    await bed.engine_at_rest()
    await until_written(bed, bob, "last_used")
    expect("events", 1, (await bed.engine())["events_sent"] - before)


@usage.case
async def kept_at_the_end(bed: Bed) -> None:
    """what was noted is written when the server stops in good order"""
    bob, token = await old_device(bed)
    await bed.node.eval(f'push_usage:note(<<"{TOPIC}">>, [#{{event => accepted, token => <<"{token}">>}}])')
    await bed.restart_node()
    expect("used after the registration", True, (lambda shown: shown[13] > shown[9])(await row(bed, bob)))


if __name__ == "__main__":
    run(usage)
