"""What administrators do with ejabberdctl, and what they are told when they err."""

import time

from bed import Bed
from bed.phone import new_token
from bed.simulator import TOPIC
from bed.suite import Suite, expect, run

OTHER = "im.example.other"


class Vhosts(Bed):
    """The module is on two vhosts of three, and the second names another app too."""

    def __init__(self) -> None:
        super().__init__(hosts=("localhost", "second.test", "bare.test"))

    def write_config(self) -> None:
        app = self.simulator.app()
        ours = {"mod_push_service": {"apps": {TOPIC: app, OTHER: app | {"topic": TOPIC}}}}
        self.more_config["host_config"] = {
            "second.test": {"modules": self.modules | ours}, "bare.test": {"modules": self.modules}}
        super().write_config()


commands = Suite("ejabberdctl", Vhosts)


async def ctl(bed: Bed, *arguments: str) -> str:
    """What a command prints that must succeed."""
    code, printed = await bed.node.ctl(*arguments)
    expect(f"exit code of {arguments[0]} ({printed.strip()})", 0, code)
    return printed.strip("\n")


async def rows(bed: Bed, *arguments: str) -> list[list[str]]:
    return [line.split("\t") for line in (await ctl(bed, *arguments)).splitlines()]


async def refused(bed: Bed, *arguments: str) -> str:
    """The sentence of a command that must fail."""
    code, printed = await bed.node.ctl(*arguments)
    expect(f"exit code of {arguments[0]}", 1, code)
    kind, _, sentence = printed.strip().removeprefix("Error: ").partition(": ")
    expect(f"refused in a way of ours ({printed.strip()})", True, kind in ("not_exists", "bad_argument"))
    return sentence


def split(jid: str) -> tuple[str, str]:
    user, _, host = jid.partition("@")
    return user, host


@commands.case
async def lists(bed: Bed) -> None:
    """push_devices shows each device, the latest first, without its whole token; push_device_tokens tells that"""
    bob = await bed.user()
    before = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    phone, first = await bed.registered(bob, device_id="phone-1", device_name="Bob's", language="de", content="none")
    second = new_token()
    await phone.enable(second, kind="voip", remove_on_logout="true")
    shown = await rows(bed, "push_devices", *split(bob))
    expect("kinds", ["voip", "alert"], [row[3] for row in shown])
    name, app, _, _, token, content, language, resource, at_logout, at, device_id, device_name, engine, used, error = shown[1]
    expect("row", [TOPIC, first[:8] + "...", "none", "de", "phone", "false", "phone-1", "Bob's", "connected"],
           [app, token, content, language, resource, at_logout, device_id, device_name, engine])
    expect("logout", "true", shown[0][8])
    expect("time", True, before <= at <= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    expect("last used and last error", [at, ""], [used, error])
    expect("a name that clients see too", True, name in [device["node"] for device in await phone.devices()])
    whole = await rows(bed, "push_device_tokens", *split(bob))
    expect("whole tokens", [second, first], [row[3] for row in whole])
    expect("the same names", [row[0] for row in shown], [row[0] for row in whole])


@commands.case
async def hostile_names(bed: Bed) -> None:
    """a device's name that a client chose cannot forge rows or reach the terminal"""
    bob = await bed.user()
    await bed.registered(bob, device_name="a\nforged\tb")
    shown = await rows(bed, "push_devices", *split(bob))
    expect("rows", 1, len(shown))
    expect("name", "a forged b", shown[0][11])


@commands.case
async def registers(bed: Bed) -> None:
    """push_device_register does what a client's registration does, and pushes arrive"""
    bob, carol, alice = await bed.user(), await bed.user("carol"), await bed.sender()
    token = new_token()
    said = await ctl(bed, "push_device_register", *split(bob), TOPIC, token.upper(), "device_id=pad, content=none")
    expect("name", f"Device {(await rows(bed, 'push_devices', *split(bob)))[0][0]} is registered", said)
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    expect("pushes", [token], [push.token for push in await bed.pushes(since, bob)])
    # The device's former token goes, and another user's token moves.
    new = new_token()
    await ctl(bed, "push_device_register", *split(bob), TOPIC, new, "device_id=pad")
    expect("tokens", [new], await bed.stored(bob))
    await ctl(bed, "push_device_register", *split(carol), TOPIC, new, "")
    expect("the first owner's tokens", [], await bed.stored(bob))
    expect("the second's", [new], await bed.stored(carol))


@commands.case
async def logout_of_a_resource(bed: Bed) -> None:
    """a device registered for a resource goes when that session ends cleanly"""
    bob = await bed.user()
    await ctl(bed, "push_device_register", *split(bob), TOPIC, new_token(), "resource=phone, remove_on_logout=true")
    phone = await bed.online(bob)
    await bed.settle(bob)
    await phone.logout()
    await bed.until_stored(bob, [])


@commands.case
async def refused_registrations(bed: Bed) -> None:
    """what cannot be registered is refused with a sentence that says what is possible, and nothing is stored"""
    bob = await bed.user()
    token = new_token()
    for part, *arguments in [
        ("one of: im.example.chat", *split(bob), "im.example.unknown", token, ""),
        ("one of: im.example.chat", *split(bob), "", token, ""),
        ("one of: im.example.chat", *split(bob), OTHER, token, ""),
        ("128 bytes", *split(bob), "a" * 500, token, ""),
        ("1 to 100 bytes in hex", *split(bob), TOPIC, "no token!", ""),
        ("1024 bytes", *split(bob), TOPIC, "ab" * 50000, ""),
        ("200 bytes", *split(bob), TOPIC, "ab" * 101, ""),
        ("token is missing", *split(bob), TOPIC, "", ""),
        ("alert, voip", *split(bob), TOPIC, token, "kind=watch"),
        ("possible are kind", *split(bob), TOPIC, token, "colour=red"),
        ("possible are kind", *split(bob), TOPIC, token, "voip"),
        ("given twice", *split(bob), TOPIC, token, "kind=voip,kind=voip"),
        ("1024 bytes", *split(bob), TOPIC, token, "x" * 2000),
        ("body, none, sender", *split(bob), TOPIC, token, "content=all"),
        ("language tag", *split(bob), TOPIC, token, "language=Grüße"),
        ("whose logout", *split(bob), TOPIC, token, "remove_on_logout=true"),
        ("no such user", "nobody", "localhost", TOPIC, token, ""),
        ("no such user", "ñandú", "localhost", TOPIC, token, ""),
        ("before the @", bob, "localhost", TOPIC, token, ""),
        ("before the @", "", "localhost", TOPIC, token, ""),
        ("runs on localhost, second.test", split(bob)[0], "bare.test", TOPIC, token, ""),
        ("runs on localhost, second.test", split(bob)[0], "☃.example", TOPIC, token, ""),
        ("runs on localhost, second.test", split(bob)[0], "", TOPIC, token, ""),
    ]:
        sentence = await refused(bed, "push_device_register", *arguments)
        expect(f"{part!r} in {sentence!r}", True, part in sentence)
    expect("tokens", [], await bed.stored(bob))


@commands.case
async def removes(bed: Bed) -> None:
    """push_device_remove takes a device by name, by id and by token; at once it gets no push any more"""
    bob, alice = await bed.user(), await bed.sender()
    tokens = [await bed.absent(bob), await bed.absent(bob, device_id="pad"), await bed.absent(bob), await bed.absent(bob)]
    names = {row[3]: row[0] for row in await rows(bed, "push_device_tokens", *split(bob))}
    for which in (names[tokens[0]], "pad", tokens[2].upper()):
        expect("said", "1 device is removed", await ctl(bed, "push_device_remove", *split(bob), which))
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    expect("pushes", [tokens[3]], [push.token for push in await bed.pushes(since, bob)])
    for which, part in ((names[tokens[0]], "no such device"), (tokens[3][:8] + "...", "no such device"), ("", "d-..."),
                        ("x" * 300, "200 bytes")):
        sentence = await refused(bed, "push_device_remove", *split(bob), which)
        expect(f"{part!r} in {sentence!r}", True, part in sentence)
    expect("tokens", [tokens[3]], await bed.stored(bob))


@commands.case
async def another_users_device(bed: Bed) -> None:
    """a device is removed from the user that is named, and from nobody else"""
    bob, carol = await bed.user(), await bed.user("carol")
    token = await bed.absent(carol)
    await bed.absent(bob)
    await refused(bed, "push_device_remove", *split(bob), token)
    expect("tokens", [token], await bed.stored(carol))


@commands.case
async def purges(bed: Bed) -> None:
    """push_devices_purge removes all devices of a user; a user without any is no error, one who is not is"""
    bob, carol, alice = await bed.user(), await bed.user("carol"), await bed.sender()
    await bed.absent(bob), await bed.absent(bob)
    token = await bed.absent(carol)
    expect("said", "2 devices are removed", await ctl(bed, "push_devices_purge", *split(bob)))
    expect("again", "0 devices are removed", await ctl(bed, "push_devices_purge", *split(bob)))
    expect("nobody", "There is no such user on the vhost", await refused(bed, "push_devices_purge", "nobody", "localhost"))
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    expect("pushes", [], await bed.pushes(since, bob))
    expect("another's tokens", [token], await bed.stored(carol))


@commands.case
async def purges_an_app(bed: Bed) -> None:
    """push_devices_purge_app removes an app's devices on one vhost, all or the old; push_devices_count shows it"""
    there = [await bed.user("dora", "second.test") for _ in range(3)]
    for user in there:
        await ctl(bed, "push_device_register", *split(user), OTHER, new_token(), "")
        await ctl(bed, "push_device_register", *split(user), TOPIC, new_token(), "")
    expect("counts", [["second.test", TOPIC, "3", "connected"], ["second.test", OTHER, "3", "connected"]],
           await rows(bed, "push_devices_count", "second.test"))
    # One of them registered long ago.
    user, host = split(there[0])
    old = time.time_ns() // 1_000_000 - 40 * 24 * 3600 * 1000
    await bed.node.eval(f"""{{ok, Ds}} = push_devices:list({{<<"{user}">>, <<"{host}">>}}),
        [push_devices:register(D#{{registered_at := {old}}}) || #{{app := <<"{OTHER}">>}} = D <- Ds]""")
    purge = ("push_devices_purge_app", "second.test", OTHER)
    expect("old ones", "1 device is removed", await ctl(bed, *purge, "30"))
    expect("all", "2 devices are removed", await ctl(bed, *purge, "0"))
    expect("again", "0 devices are removed", await ctl(bed, *purge, "0"))
    expect("counts", [["second.test", TOPIC, "3", "connected"], ["second.test", OTHER, "0", "connected"]],
           await rows(bed, "push_devices_count", "second.test"))
    both = await rows(bed, "push_devices_count", "all")
    expect("vhosts", ["localhost", "second.test", "second.test"], [row[0] for row in both])
    for part, *arguments in [("0 (all devices) to", "second.test", OTHER, "soon"), ("0 (all devices) to", "second.test", OTHER, "-1"),
                             ("neither such an app", "localhost", OTHER, "0"), ("neither such an app", "localhost", "", "0"),
                             ("runs on localhost", "bare.test", OTHER, "0")]:
        sentence = await refused(bed, "push_devices_purge_app", *arguments)
        expect(f"{part!r} in {sentence!r}", True, part in sentence)
    expect("count of none", True, "runs on localhost" in await refused(bed, "push_devices_count", "bare.test"))


@commands.case
async def an_app_that_is_no_more(bed: Bed) -> None:
    """devices of an app that the vhost does not name are shown so, are no target of a test, and can be purged"""
    user, host = bob = split(await bed.user())
    token = new_token()
    await ctl(bed, "push_device_register", *bob, TOPIC, token, "")
    await bed.node.eval(f"""{{ok, [D]}} = push_devices:list({{<<"{user}">>, <<"{host}">>}}),
        push_devices:register(D#{{app := <<"im.example.gone">>, token := <<"{new_token()}">>,
                                  registered_at := maps:get(registered_at, D) + 1}})""")
    expect("engines", ["not_configured", "connected"], [row[12] for row in await rows(bed, "push_devices", *bob)])
    since = await bed.simulator.end()
    outcomes = await rows(bed, "push_test", *bob)
    expect("outcomes", [["failed", "0", "not_configured"], ["accepted", "0", ""]], [row[4:7] for row in outcomes])
    expect("pushes", [token], [push.token for push in await bed.simulator.journal(since)])
    counts = {row[1]: row[2:] for row in await rows(bed, "push_devices_count", host)}
    expect("count", ["1", "not_configured"], counts["im.example.gone"])
    expect("purged", "1 device is removed", await ctl(bed, "push_devices_purge_app", host, "im.example.gone", "0"))


@commands.case
async def tests(bed: Bed) -> None:
    """push_test shows each device's outcome; it is counted, and a dead device goes, as with other pushes"""
    bob = await bed.user()
    good, gone, bad, wrong = [await bed.absent(bob) for _ in range(4)]
    await bed.simulator.uninstall(gone)
    await bed.simulator.script({"token": bad, "reason": "BadDeviceToken", "times": 1})
    await bed.simulator.script({"token": wrong, "reason": "DeviceTokenNotForTopic", "times": 1})
    before, since = await bed.engine(), await bed.simulator.end()
    pushed = (await bed.node.counters())["pushes"]
    outcomes = {row[3]: row for row in await rows(bed, "push_test", *split(bob))}
    short = {token[:8] + "...": expected for token, expected in (
        (good, ["accepted", "0", ""]), (gone, ["rejected", "410", "Unregistered"]),
        (bad, ["rejected", "400", "BadDeviceToken"]), (wrong, ["rejected", "400", "DeviceTokenNotForTopic"]))}
    expect("outcomes", short, {token: row[4:7] for token, row in outcomes.items()})
    journal = {push.token: push for push in await bed.simulator.journal(since)}
    expect("on the screen", "Test push. All is well.", journal[good].shown)
    expect("id", journal[good].headers["apns-id"].lower(), outcomes[good[:8] + "..."][7])
    after = await bed.engine_at_rest()
    expect("accepted", before["accepted"] + 1, after["accepted"])
    expect("rejected", before["rejected"] + 3, after["rejected"])
    expect("pushes", pushed + 4, (await bed.node.counters())["pushes"])
    # Believed at once, since another push was accepted: all three tokens are dead.
    await bed.until_stored(bob, [good])


@commands.case
async def tests_with_text(bed: Bed) -> None:
    """push_test_text shows a text of one's own, on a phone that takes calls as who is calling"""
    bob = await bed.user()
    phone, token = await bed.registered(bob)
    voip = new_token()
    await phone.enable(voip, kind="voip")
    since = await bed.simulator.end()
    text = "Grüße, 日本 ☃"
    outcomes = await rows(bed, "push_test_text", *split(bob), text)
    expect("outcomes", ["accepted", "accepted"], [row[4] for row in outcomes])
    journal = {push.token: push for push in await bed.simulator.journal(since)}
    expect("on the screen", text, journal[token].shown)
    expect("caller", text, journal[voip].payload["call"]["from"])
    expect("types", ["alert", "voip"], [journal[each].headers["apns-push-type"] for each in (token, voip)])
    for bad, part in (("", "push_test has one"), ("x" * 1001, "1000 bytes")):
        sentence = await refused(bed, "push_test_text", *split(bob), bad)
        expect(f"{part!r} in {sentence!r}", True, part in sentence)


@commands.case
async def nobody_to_test(bed: Bed) -> None:
    """without a device, a user or the module there is no test, and the sentence says which of them is missing"""
    bob = await bed.user()
    for part, *arguments in [("has no device", *split(bob)), ("no such user", "nobody", "localhost"),
                             ("runs on localhost", split(bob)[0], "bare.test"), ("before the @", "a b", "localhost")]:
        for command in ("push_test", "push_devices", "push_device_tokens"):
            if command != "push_test" and part == "has no device":
                expect(command, "", await ctl(bed, command, *arguments))
                continue
            sentence = await refused(bed, command, *arguments)
            expect(f"{part!r} in {sentence!r}", True, part in sentence)


@commands.case
async def helps(bed: Bed) -> None:
    """help explains arguments, outcomes and shows an example"""
    printed = await ctl(bed, "help", "push_test")
    for part in ("user::binary", "rejected  Apple refused it", "ejabberdctl push_test bob example.org", "Tags: push"):
        expect(part, True, part in printed)
    listed = await ctl(bed, "help", "push")
    for name in ("push_devices", "push_device_register", "push_device_remove", "push_devices_purge", "push_devices_count"):
        expect(name, True, name in listed)


@commands.case
async def once_in_the_node(bed: Bed) -> None:
    """the commands stay for as long as any vhost has the module, and come back with it"""
    names = """length([N || {N, _, _} <- ejabberd_commands:list_commands(),
        lists:prefix("push_", atom_to_list(N))])"""
    count = await bed.node.eval(names)
    expect("commands", 17, count)
    await bed.node.eval('gen_mod:stop_module(<<"second.test">>, mod_push_service)')
    expect("one vhost left", count, await bed.node.eval(names))
    await bed.node.eval('gen_mod:stop_module(<<"localhost">>, mod_push_service)')
    expect("none left", 0, await bed.node.eval(names))
    code, printed = await bed.node.ctl("push_devices", "bob", "localhost")
    expect("exit code", 1, code)
    expect("sentence", True, "unknown command" in printed)
    for host in ("localhost", "second.test"):
        await bed.node.eval(f'gen_mod:start_module(<<"{host}">>, mod_push_service)')
    expect("both again", count, await bed.node.eval(names))


silent = Suite("test pushes to nobody", Bed)


@silent.case
async def unreachable(bed: Bed) -> None:
    """while Apple is out of reach, a test says so within 20 seconds, and its push is not sent later"""
    bob = await bed.user()
    token = await bed.absent(bob)
    await bed.simulator.kill()
    began = time.monotonic()
    outcome = (await rows(bed, "push_test", *split(bob)))[0]
    expect("outcome", ["failed", "0"], outcome[4:6])
    expect("reason", True, outcome[6] in ("unreachable", "expired"))
    expect("advice", True, "out of reach" in outcome[8])
    expect("in time", True, time.monotonic() - began < 28)
    expect("engine", "unconnected", (await rows(bed, "push_devices", *split(bob)))[0][12])
    await bed.simulator.start()
    alice = await bed.sender()
    alice.send(bob, "a message of after")
    push = await bed.simulator.next_push(1, token)
    expect("on the screen", "New message", push.shown)


@silent.case
async def unanswered(bed: Bed) -> None:
    """where Apple takes a push and does not answer, the test ends all the same, as a timeout"""
    bob = await bed.user()
    token = await bed.absent(bob)
    await bed.simulator.script({"token": token, "action": "stall"})
    outcome = (await rows(bed, "push_test", *split(bob)))[0]
    expect("outcome", ["timeout", "0", "no_outcome"], outcome[4:7])


@silent.case
async def without_the_app(bed: Bed) -> None:
    """an app that is down is said to be down, and the list says so too"""
    bob = await bed.user()
    await bed.absent(bob)
    await bed.node.eval(f'ets:delete(push_apps, <<"{TOPIC}">>)')
    expect("outcome", ["failed", "0", "app_down"], (await rows(bed, "push_test", *split(bob)))[0][4:7])
    expect("engine", "down", (await rows(bed, "push_devices", *split(bob)))[0][12])


broken = Suite("a database that fails", Bed)


@broken.case
async def without_the_database(bed: Bed) -> None:
    """when the database fails each command says so and ends with 1"""
    bob = await bed.user()
    await bed.absent(bob)
    await bed.node.eval("mnesia:delete_table(push_device)")
    for command, *arguments in [("push_devices", *split(bob)), ("push_test", *split(bob)), ("push_devices_purge", *split(bob)),
                                ("push_device_remove", *split(bob), "pad"), ("push_devices_count", "all"),
                                ("push_devices_purge_app", "localhost", TOPIC, "0"),
                                ("push_device_register", *split(bob), TOPIC, new_token(), "")]:
        code, printed = await bed.node.ctl(command, *arguments)
        expect(f"{command}: {printed}", (1, True), (code, "Error: database_failure: The database failed" in printed))


if __name__ == "__main__":
    run(commands, silent, broken)
