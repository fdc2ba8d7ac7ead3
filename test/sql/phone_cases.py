"""A phone's life with an XMPP client, whatever the store: registering, a push while away, the ends of a device."""

from bed import Bed
from bed.phone import new_token
from bed.suite import Case, expect

CASES: list[Case] = []


def case(function: Case) -> Case:
    CASES.append(function)
    return function


async def gone(bed: Bed, token: str, why: str) -> None:
    """Waits for the log to say that a device was removed: no database tells of it."""
    await bed.until_logged(f"Device {token[:8]}")
    await bed.until_logged(f"is removed: {why}")


@case
async def registered_and_pushed(bed: Bed) -> None:
    """who registered and left gets a push, the message at the next login, and after <disable/> no push"""
    bob, alice = await bed.user(), await bed.sender()
    token = await bed.absent(bob)
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    expect("tokens pushed to", [token], [push.token for push in await bed.pushes(since, bob)])
    phone = await bed.online(bob)
    expect("message", "hello", await phone.next_message())
    await phone.disable(token)
    await phone.logout()
    await bed.settle(bob)
    since = await bed.simulator.end()
    alice.send(bob, "again")
    expect("pushes", 0, len(await bed.pushes(since, bob)))


@case
async def forgotten_by_engine(bed: Bed) -> None:
    """a push to a user whom the engine does not know is made after a look into the database"""
    bob, alice = await bed.user(), await bed.sender()
    token = await bed.absent(bob)
    await bed.node.eval('push_loader:forget_host(<<"localhost">>, fun() -> ok end)')
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    expect("tokens pushed to", [token], [push.token for push in await bed.pushes(since, bob)])


@case
async def logged_out(bed: Bed) -> None:
    """a clean logout takes the device that asked for it, a lost connection does not"""
    bob, alice = await bed.user(), await bed.sender()
    phone, token = await bed.registered(bob, remove_on_logout="true")
    await phone.vanish()
    await bed.settle(bob)
    expect("tokens", [token], await bed.stored(bob))
    await phone.resume()
    await phone.logout()
    await gone(bed, token, "logged out")
    await bed.settle(bob)
    expect("tokens", [], await bed.stored(bob))
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    expect("pushes", 0, len(await bed.pushes(since, bob)))


@case
async def uninstalled(bed: Bed) -> None:
    """a device that Apple declares dead goes, the user's other one stays"""
    bob, alice = await bed.user(), await bed.sender()
    dead, alive = await bed.absent(bob), await bed.absent(bob)
    await bed.simulator.uninstall(dead)
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    await bed.simulator.next_push(since, dead)
    await gone(bed, dead, "Unregistered")
    await bed.settle(bob)
    expect("tokens", [alive], await bed.stored(bob))


@case
async def shared_phone(bed: Bed) -> None:
    """a phone that the next user registers shows no more of the previous one's messages"""
    bob, carol, alice = await bed.user(), await bed.user("carol"), await bed.sender()
    token = await bed.absent(bob)
    await bed.absent(carol, token)
    since = await bed.simulator.end()
    alice.send(bob, "for bob")
    expect("pushes", 0, len(await bed.pushes(since, bob)))
    alice.send(carol, "for carol")
    expect("pushes", 1, len(await bed.pushes(since, carol)))


@case
async def account_removed(bed: Bed) -> None:
    """with an account its devices go"""
    bob = await bed.user()
    token = await bed.absent(bob)
    await bed.node.eval(f'ejabberd_auth:remove_user(<<"{bob.partition("@")[0]}">>, <<"localhost">>)')
    await gone(bed, token, "the account is removed")
    expect("tokens", [], await bed.stored(bob))


@case
async def restarted(bed: Bed) -> None:
    """after a restart of the server devices are known, and the key behind thread ids is the same"""
    bob = await bed.user()
    token = await bed.absent(bob)
    key = 'binary:encode_hex(push_settings:mac_key(<<"localhost">>))'
    before = await bed.node.eval(key)
    await bed.restart_node()
    expect("the server's key", before, await bed.node.eval(key))
    alice = await bed.sender()
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    expect("tokens pushed to", [token], [push.token for push in await bed.pushes(since, bob)])


@case
async def nothing_in_the_log(bed: Bed) -> None:
    """no device token was logged in all that went before"""
    await bed.absent(await bed.user(), token := new_token())
    text = await bed.log()
    expect("the token", False, token in text)
    long_hex = [word for word in text.replace('"', " ").replace("'", " ").split()
                if len(word) >= 32 and all(digit in "0123456789abcdef" for digit in word)]
    expect("long hex numbers", [], [word[:12] for word in long_hex])
