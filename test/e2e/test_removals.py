"""What administrators are told of devices that were removed: which, when and why."""

import time

from bed import Bed
from bed.phone import new_token
from bed.simulator import TOPIC
from bed.suite import Suite, expect, run

removals = Suite("removed devices", lambda: Bed(options={"max_devices": 3}))


async def removed(bed: Bed, jid: str) -> list[list[str]]:
    code, printed = await bed.node.ctl("push_devices_removed", *jid.split("@"))
    expect(f"exit code ({printed.strip()})", 0, code)
    return [line.split("\t") for line in printed.strip("\n").splitlines()]


async def why(bed: Bed, jid: str) -> list[tuple[str, str]]:
    """Beginning of the token and why, the latest first."""
    return [(row[3], row[7]) for row in await removed(bed, jid)]


def short(token: str) -> str:
    return f"{token[:8]}..."


@removals.case
async def by_its_client(bed: Bed) -> None:
    """a device that its client unregistered is told with all that an administrator knows it by, and no whole token"""
    bob = await bed.user()
    phone, token = await bed.registered(bob, device_id="phone-1", device_name="Bob's\tphone", kind="voip")
    expect("nothing yet", [], await removed(bed, bob))
    name = (await phone.devices())[0]["node"]
    before = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    await phone.disable(token)
    (row,) = await removed(bed, bob)
    expect("row", [name, TOPIC, "voip", short(token), "phone-1", "Bob's phone", "its client unregistered it"], row[:6] + row[7:])
    expect("time", True, before <= row[6] <= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))


@removals.case
async def by_logout(bed: Bed) -> None:
    """a device that asked for it is told to be logged out"""
    bob = await bed.user()
    token = await bed.absent(bob, remove_on_logout="true")
    await bed.until_stored(bob, [])
    expect("why", [(short(token), "logged out")], await why(bed, bob))


@removals.case
async def by_apple(bed: Bed) -> None:
    """a device that Apple declared dead is told with Apple's word for it"""
    bob, alice = await bed.user(), await bed.sender()
    token = await bed.absent(bob)
    await bed.simulator.uninstall(token)
    alice.send(bob, "hello")
    await bed.until_stored(bob, [])
    expect("why", [(short(token), "Unregistered")], await why(bed, bob))


@removals.case
async def by_registrations(bed: Bed) -> None:
    """what other registrations put an end to is told: a newer token, too many devices, another account"""
    bob, carol = await bed.user(), await bed.user("carol")
    phone, former = await bed.registered(bob, device_id="phone-1")
    renewed, second, third, fourth = (new_token() for _ in range(4))
    await phone.enable(renewed, device_id="phone-1")
    for token in (second, third, fourth):
        await phone.enable(token)
    await bed.registered(carol, third)
    expect("why", [(short(third), "another account registered it"), (short(renewed), "the account has too many devices"),
                   (short(former), "it has another token now")], await why(bed, bob))
    expect("the other's", [], await why(bed, carol))
    # Registered again it is there, and what was before stays known.
    await phone.enable(third)
    expect("removals", 3, len(await removed(bed, bob)))
    expect("the other's", [(short(third), "another account registered it")], await why(bed, carol))


@removals.case
async def by_an_administrator(bed: Bed) -> None:
    """a device that an administrator removed is told so, by push_devices_removed and by push_test"""
    bob = await bed.user()
    token = await bed.absent(bob)
    await bed.node.ctl("push_devices_purge", *bob.split("@"))
    expect("why", [(short(token), "an administrator removed it")], await why(bed, bob))
    code, printed = await bed.node.ctl("push_test", *bob.split("@"))
    expect("the test", (1, True), (code, "push_devices_removed says why" in printed))


@removals.case
async def with_the_account(bed: Bed) -> None:
    """with an account goes what is known of its devices; somebody who gets its name later is told nothing of it"""
    bob = await bed.user()
    user, host = bob.split("@")
    await bed.absent(bob)
    await bed.absent(bob, remove_on_logout="true")
    await bed.node.eval(f'ejabberd_auth:remove_user(<<"{user}">>, <<"{host}">>)')
    code, printed = await bed.node.ctl("push_devices_removed", user, host)
    expect("nobody", (1, True), (code, "no such user" in printed))
    await bed.register_account(bob)
    expect("removals", [], await removed(bed, bob))


@removals.case
async def over_a_restart(bed: Bed) -> None:
    """it is known after a restart too"""
    bob = await bed.user()
    phone, token = await bed.registered(bob)
    await phone.disable(token)
    before = await removed(bed, bob)
    await bed.restart_node()
    expect("removals", before, await removed(bed, bob))


if __name__ == "__main__":
    run(removals)
