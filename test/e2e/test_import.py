"""Operators who change over: the devices that mod_push and mod_pushoff know get pushes without registering anew."""

from typing import Any

from bed import Bed
from bed.phone import new_token
from bed.simulator import TOPIC
from bed.suite import Suite, expect, run

MODULES = {"mod_adhoc": {}, "mod_disco": {}, "mod_offline": {}, "mod_push": {}, "mod_roster": {}, "mod_version": {}}
imports = Suite("import", lambda: Bed(MODULES))


async def from_mod_push(bed: Bed, service: str) -> dict[str, int]:
    return await counts(bed, f'push_import:mod_push(<<"localhost">>, <<"{service}">>, <<"{TOPIC}">>)')


async def counts(bed: Bed, call: str) -> Any:
    return await bed.node.eval(f"case {call} of {{ok, Counts}} -> Counts; {{error, Why}} -> Why end")


@imports.case
async def mod_push(bed: Bed) -> None:
    """of mod_push's registrations those for the named service whose node is a token become devices, once"""
    bob, alice = await bed.user(), await bed.sender()
    phone, token = await bed.online(bob), new_token()
    await phone.enable(token, service="push.example.org", device_id="phone", pushModule="monalProdiOS")
    await phone.enable(new_token(), service="elsewhere.example.org")
    await phone.enable("d-no-token", service="push.example.org")
    expect("stored before", [], await bed.stored(bob))
    first = await from_mod_push(bed, "push.example.org")
    others = {"services": ["elsewhere.example.org"]}
    expect("counts", {"imported": 1, "known": 0, "refused": 1} | others, first)
    expect("a second time", {"imported": 0, "known": 1, "refused": 1} | others, await from_mod_push(bed, "push.example.org"))
    expect("of nobody's service", {"imported": 0, "known": 0, "refused": 0,
                                   "services": ["elsewhere.example.org", "push.example.org"]},
           await from_mod_push(bed, "no.example.org"))
    expect("stored", [token], await bed.stored(bob))
    await phone.logout()
    await bed.settle(bob)
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    expect("pushes", [token], [push.token for push in await bed.pushes(since, bob)])
    # The app, once it has been changed over, takes its device's place.
    new = new_token()
    again = await bed.online(bob)
    await again.enable(new, device_id="phone")
    expect("stored in the end", [new], await bed.stored(bob))


@imports.case
async def mod_pushoff(bed: Bed) -> None:
    """mod_pushoff's table gives its users' tokens for Apple; those for Google stay where they are"""
    bob, carol, dave = await bed.user(), await bed.user("carol"), await bed.user("dave")
    token, other = new_token(), new_token()
    table = "pushoff_registration"
    call = f'push_import:mod_pushoff(<<"localhost">>, <<"{TOPIC}">>)'
    expect("without its table", "no_table", await counts(bed, call))
    await bed.node.eval(f"{{atomic, ok}} = mnesia:create_table({table}, "
                        f"[{{attributes, [bare_jid, token, backend_id, timestamp]}}])")
    for jid, backend, raw in ((bob, "{<<\"localhost\">>, apns}", token),
                              (carol, "{<<\"localhost\">>, {apns, <<\"main\">>}}", other),
                              (dave, "{<<\"localhost\">>, fcm}", new_token())):
        user = jid.partition("@")[0]
        await bed.node.eval(f'mnesia:dirty_write({{{table}, {{<<"{user}">>, <<"localhost">>}}, '
                            f'binary:decode_hex(<<"{raw}">>), {backend}, erlang:timestamp()}})')
    expect("counts", {"imported": 2, "known": 0, "refused": 0, "services": []}, await counts(bed, call))
    expect("stored", [[token], [other], []], [await bed.stored(jid) for jid in (bob, carol, dave)])


@imports.case
async def by_command(bed: Bed) -> None:
    """ejabberdctl imports, says how many, and refuses with a sentence"""
    bob = await bed.user()
    phone, token = await bed.online(bob), new_token()
    await phone.enable(token, service="push.command.test")
    for arguments, expected in (
            (("push_import_mod_push", "localhost", "push.command.test", TOPIC), (0, "imported: 1, known before: 0,")),
            (("push_import_mod_push", "localhost", "Push.command.test", TOPIC), (0, "imported: 0, known before: 1,")),
            (("push_import_mod_push", "localhost", "p.example", TOPIC), (0, "no device is registered for that service, but for ")),
            (("push_import_mod_push", "localhost", "", TOPIC), (1, "no domain, as push.example.org")),
            (("push_import_mod_push", "localhost", "push.command.test", "nonesuch"), (1, f"there are {TOPIC}")),
            (("push_import_mod_push", "other.test", "push.command.test", TOPIC), (1, "it runs on localhost")),
            (("push_import_mod_pushoff", "localhost", "☃"), (1, f"there are {TOPIC}"))):
        code, printed = await bed.node.ctl(*arguments)
        expect(f"{arguments}: {printed}", (expected[0], True), (code, expected[1] in printed))
    expect("stored", [token], await bed.stored(bob))


@imports.case
async def refuses(bed: Bed) -> None:
    """an app that is not there, or a module that is not loaded, is said and changes nothing"""
    expect("of an unknown app", "no_app",
           await counts(bed, 'push_import:mod_push(<<"localhost">>, <<"push.example.org">>, <<"nonesuch">>)'))
    expect("of an unknown vhost", "no_app",
           await counts(bed, f'push_import:mod_push(<<"other">>, <<"push.example.org">>, <<"{TOPIC}">>)'))
    await bed.node.reload({name: options for name, options in bed.module_config().items() if name != "mod_push"})
    expect("without mod_push", "not_loaded", await from_mod_push(bed, "push.example.org"))


if __name__ == "__main__":
    run(imports)
