"""A change of the password takes all of the account's devices, where the vhost wants it so."""

from bed import Bed
from bed.machine import DEFAULT_MODULES
from bed.phone import Phone, new_token
from bed.suite import Suite, expect, run

# A strength that no password of these tests but the strong ones has.
# mod_last and mod_private: ban_account needs them from 24.06 on.
MODULES = DEFAULT_MODULES | {"mod_admin_extra": {}, "mod_last": {}, "mod_private": {},
                             "mod_register": {"password_strength": 32, "ip_access": "all"}}
STRONG = "Longer-And-Str0nger-Than-That"
WHY = "the password was changed"
# What runs for each stanza of each session, of ours.
HOOKS = ("length([H || H <- [user_send_packet, user_receive_packet], "
         "Row <- ets:lookup(hooks, {H, <<\"localhost\">>}), lists:keymember(push_password, 2, element(2, Row))])")
SEES_ALL = "code:ensure_loaded(mod_auth_fast), erlang:function_exported(mod_auth_fast, remove_user_tokens, 2)"

wanted = Suite("remove_on_password_change", lambda: Bed(MODULES, {"remove_on_password_change": True}))
default = Suite("a password's change by default", lambda: Bed(MODULES))


def change_xml(jid: str, password: str) -> str:
    user = jid.partition("@")[0]
    return f"<query xmlns='jabber:iq:register'><username>{user}</username><password>{password}</password></query>"


async def two_devices(bed: Bed, jid: str) -> tuple[Phone, list[str]]:
    """One of this session, which stays online, and one of another that is gone."""
    other = await bed.absent(jid)
    phone, token = await bed.registered(jid)
    return phone, [token, other]


async def removals(bed: Bed, jid: str) -> list[str]:
    code, printed = await bed.node.ctl("push_devices_removed", *jid.split("@"))
    expect("exit code", 0, code)
    return sorted(line.split("\t")[3][:8] + " " + line.split("\t")[7] for line in printed.strip("\n").splitlines())


@wanted.case
async def by_the_client(bed: Bed) -> None:
    """a client that changes its password ends all of the account's devices, and nobody else's; then it may register again"""
    for to in ("localhost", None):
        bob, carol, alice = await bed.user(), await bed.user("carol"), await bed.sender()
        hers = await bed.absent(carol)
        phone, tokens = await two_devices(bed, bob)
        await phone.ask(change_xml(bob, STRONG), to=to)
        await bed.until_stored(bob, [])
        expect("why", sorted(f"{token[:8]} {WHY}" for token in tokens), await removals(bed, bob))
        expect("another's", [hers], await bed.stored(carol))
        again = new_token()
        await phone.enable(again)
        await phone.logout()
        await bed.settle(bob)
        expect("registered again", [again], await bed.stored(bob))
        since = await bed.simulator.end()
        alice.send(bob, "hello")
        expect("pushes", [again], [push.token for push in await bed.pushes(since, bob)])


@wanted.case
async def refused(bed: Bed) -> None:
    """a change that the server refuses takes no device"""
    bob = await bed.user()
    phone, tokens = await two_devices(bed, bob)
    await phone.ask(change_xml(bob, "weak"), to="localhost", expect_error=True)
    await phone.ask(change_xml("nobody-else@localhost", STRONG), to="localhost", expect_error=None)
    await phone.round_trip()
    await bed.settle(bob)
    expect("tokens", sorted(tokens), sorted(await bed.stored(bob)))


@wanted.case
async def asked_only(bed: Bed) -> None:
    """a client that only asks how to register takes no device"""
    bob = await bed.user()
    phone, tokens = await two_devices(bed, bob)
    await phone.ask("<query xmlns='jabber:iq:register'/>", kind="get", to="localhost")
    await bed.settle(bob)
    expect("tokens", sorted(tokens), sorted(await bed.stored(bob)))


@wanted.case
async def by_command(bed: Bed) -> None:
    """an administrator's change_password and ban_account end all of the account's devices, whatever the name's case"""
    for command, argument in (("change_password", STRONG), ("ban_account", "spam")):
        bob = await bed.user()
        tokens = [await bed.absent(bob), await bed.absent(bob)]
        user, host = bob.split("@")
        code, printed = await bed.node.ctl(command, user.upper(), host, argument)
        expect(f"{command}: {printed}", 0, code)
        await bed.until_stored(bob, [])
        expect("why", sorted(f"{token[:8]} {WHY}" for token in tokens), await removals(bed, bob))


@wanted.case
async def other_commands(bed: Bed) -> None:
    """commands that only ask about a password take no device"""
    bob = await bed.user()
    token = await bed.absent(bob)
    await bed.node.ctl("check_password", *bob.split("@"), "secret")
    await bed.node.ctl("check_account", *bob.split("@"))
    await bed.settle(bob)
    expect("tokens", [token], await bed.stored(bob))


@wanted.case
async def said(bed: Bed) -> None:
    """where ejabberd does not tell of all changes, the start says which are seen"""
    sees_all = await bed.node.eval(SEES_ALL)
    expect("hooks for each stanza", 0 if sees_all else 2, await bed.node.eval(HOOKS))
    expect("the log's line", not sees_all, "remove_on_password_change sees changes by" in await bed.log())


@wanted.case
async def switched(bed: Bed) -> None:
    """a reload switches it off and on"""
    for option in (False, True):
        bob = await bed.user()
        phone, tokens = await two_devices(bed, bob)
        bed.node.write_config(list(bed.hosts), bed.module_config(remove_on_password_change=option), **bed.more_config)
        code, printed = await bed.node.ctl("reload_config")
        expect(f"reload: {printed}", 0, code)
        await phone.ask(change_xml(bob, STRONG), to="localhost")
        await bed.node.ctl("change_password", *bob.split("@"), STRONG + "2")
        if option:
            await bed.until_stored(bob, [])
        else:
            await bed.settle(bob)
            expect("tokens", sorted(tokens), sorted(await bed.stored(bob)))


@default.case
async def unasked(bed: Bed) -> None:
    """unless the vhost wants it, a change of the password takes no device"""
    bob = await bed.user()
    phone, tokens = await two_devices(bed, bob)
    await phone.ask(change_xml(bob, STRONG), to="localhost")
    await bed.node.ctl("change_password", *bob.split("@"), STRONG + "2")
    await bed.settle(bob)
    expect("tokens", sorted(tokens), sorted(await bed.stored(bob)))
    expect("hooks for each stanza", 0, await bed.node.eval(HOOKS))


if __name__ == "__main__":
    run(wanted, default)
