"""Requests that nobody's app sends: oversized, deep, other people's. Each ends in an error for who sent it, and in nothing else."""

from typing import Any

from bed import Bed, Phone
from bed.phone import NS_COMMANDS, NS_DATA, NS_PUSH, form_xml, new_token, refusal
from bed.simulator import TOPIC
from bed.suite import Suite, expect, run

SERVICE = "push.localhost"
MODULES = {"mod_adhoc": {}, "mod_disco": {}, "mod_offline": {}, "mod_roster": {}, "mod_version": {},
           "mod_stream_mgmt": {"resume_timeout": 300}}
# Bytes of a stanza that ejabberd still takes, in the testbed's configuration and in Debian's.
LARGE = 240_000
TOO_LARGE = 300_000
# Elements in one another. With 4,000 in any stanza, ejabberd 23.01's own XML parser overflows its stack, and the node is gone.
DEEP = 2_000
ROUNDS = 5


class HostileBed(Bed):
    """Speaks every dialect."""

    def module_config(self, **options: Any) -> dict[str, Any]:
        return super().module_config(**{"apps": {TOPIC: self.simulator.app() | {"tigase": True}}} | options)


hostile = Suite("hostile requests", lambda: HostileBed(MODULES))


def requests(inside: str, attribute: str, token: str) -> list[tuple[str, str]]:
    """One request of each dialect with this inside it, and this as an attribute; with whom it goes to."""
    form = f"<x xmlns='{NS_DATA}' type='submit'><field var='token'><value>{token}</value></field>{inside}</x>"
    command = f"<command xmlns='{NS_COMMANDS}' action='execute' node="
    return [
        (f"<enable xmlns='{NS_PUSH}' jid='{SERVICE}' node='{attribute}'>{form}</enable>", ""),
        (f"<enable xmlns='{NS_PUSH}' jid='{SERVICE}{attribute}' node='{token}'>{form}</enable>", ""),
        (f"<enable xmlns='{NS_PUSH}' jid='{SERVICE}' node='x{attribute}'>{inside}</enable>", ""),
        (f"<disable xmlns='{NS_PUSH}' jid='{SERVICE}' node='x{attribute}'>{inside}</disable>", ""),
        (f"<push xmlns='p1:push' apns-sandbox='{attribute}'>{inside}<notification><type>applepush</type>"
         f"<id>x{inside}</id></notification><appid>{attribute}</appid></push>", ""),
        (f"{command}'register-push-apns'>{form}{form}</command>", "localhost"),
        (f"{command}'register-push-apns{attribute}'>{form}</command>", "localhost"),
        (f"{command}'unregister-push' sessionid='{attribute}'>{form}</command>", "localhost"),
        (f"{command}'register-device'>{form}</command>", SERVICE),
        (f"{command}'unregister-device'>{form}</command>", SERVICE),
    ]


def iq(child: str, to: str, iq_id: str, sender: str = "") -> str:
    addressed = (f" to='{to}'" if to else "") + (f" from='{sender}'" if sender else "")
    return f"<iq xmlns='jabber:client' type='set' id='{iq_id}'{addressed}>{child}</iq>"


async def is_well(bed: Bed, phone: Phone, bob: str) -> None:
    """Nothing crashed, nothing was stored, and who asks properly is served."""
    expect("tokens", [], await bed.stored(bob))
    expect("crashes", 0, (await bed.node.counters())["hook_crashed"])
    expect("crashes in the log", False, "CRASH REPORT" in bed.node.log_text())
    token = new_token()
    await phone.enable(token)
    await phone.disable(token)


@hostile.case
async def oversized(bed: Bed) -> None:
    """long values, names and attributes, and thousands of fields, up to what ejabberd takes: each is refused in few words"""
    bob = await bed.user()
    phone = await bed.online(bob)
    many = "<field var='a'><value>b</value></field>"
    # Two of them are in one request, or four.
    size = LARGE // 4
    field, value = "<field var='a'><value>b</value></field>", "<value>alert</value>"
    wrong = "<field var='kind'><value>z</value></field>"
    for name, inside, attribute in (
        ("value", f"<field var='device_id'><value>{'x' * size}</value></field>", "a"),
        ("name", f"<field var='{'x' * size}'><value>y</value></field>{wrong}", "a"),
        ("fields", field * (size // len(field)) + wrong, "a"),
        ("values", f"<field var='kind'>{value * (size // len(value))}</field>", "a"),
        ("attribute", wrong, "a" * size),
    ):
        for number, (child, to) in enumerate(requests(inside, attribute, "no token")):
            answer = await phone.ask_raw(iq(child, to, f"{name}{number}"), f"{name}{number}")
            expect(f"the answer to request {number} with {name}", "error", answer["type"])
            expect("its size", True, len(refusal(answer)[1]) < 300)
    await is_well(bed, phone, bob)


@hostile.case
async def beyond_the_limit(bed: Bed) -> None:
    """a stanza beyond ejabberd's limit ends its own stream, and no other"""
    bob = await bed.user()
    phone, other = await bed.online(bob), await bed.online(bob, "pad")
    phone.send_raw(iq(f"<enable xmlns='{NS_PUSH}' jid='{SERVICE}' node='{'a' * TOO_LARGE}'/>", "", "long"))
    await phone.ended()
    await is_well(bed, other, bob)


@hostile.case
async def deep(bed: Bed) -> None:
    """two thousand elements in one another, where a form or a child would be, are refused"""
    bob = await bed.user()
    phone = await bed.online(bob)
    inside = "<a>" * DEEP + "</a>" * DEEP
    for number, (child, to) in enumerate(requests(inside, "", "no token")):
        answer = await phone.ask_raw(iq(child, to, f"deep{number}"), f"deep{number}")
        expect(f"the answer to request {number}", "error", answer["type"])
    await is_well(bed, phone, bob)


@hostile.case
async def other_peoples(bed: Bed) -> None:
    """nobody's devices are reached by another: not by to, from, jid, node, secret, token or device id"""
    bob, carol = await bed.user(), await bed.user("carol")
    phone, hers = await bed.online(bob), await bed.online(carol)
    token, second = new_token(), new_token()
    await hers.enable(token, device_id="hers", voip_token=second)
    nodes = [device["node"] for device in await hers.devices()]
    wanted = f"<enable xmlns='{NS_PUSH}' jid='{SERVICE}' node='{new_token()}'/>"
    for to in (carol, f"{carol}/phone", "nobody@localhost", "localhost", SERVICE, f"someone@{SERVICE}"):
        for child in (wanted, f"<disable xmlns='{NS_PUSH}' jid='{SERVICE}'/>", "<disable xmlns='p1:push'/>"):
            expect(f"{child} to {to}", "error", (await phone.ask(child, to=to, expect_error=True))["type"])
    for service in (carol, f"{SERVICE}/x", f"x@{SERVICE}", "localhost", ""):
        await phone.ask(wanted.replace(f"jid='{SERVICE}'", f"jid='{service}'"), expect_error=True)
    for node in (token, second, *nodes):
        expect(f"disable {node}", "item-not-found", refusal(await phone.disable(node, expect_error=True))[0])
    for fields in ({"token": token}, {"node": nodes[0]}, {"device-id": "hers"}, {"nodes": nodes[1]}):
        answer = await phone.command("unregister-push", fields, expect_error=True)
        expect(f"unregister-push {fields}", "item-not-found", refusal(answer)[0])
    expect("enable with her node", "item-not-found", (await phone.enable_refused(nodes[0]))[0])
    form = form_xml({"provider": "tigase:messenger:apns:1", "device-token": token})
    command = f"<command xmlns='{NS_COMMANDS}' node='unregister-device' action='execute'>{form}</command>"
    expect("unregister-device", "item-not-found", refusal(await phone.ask(command, to=SERVICE, expect_error=True))[0])
    expect("her tokens", sorted([token, second]), sorted(await bed.stored(carol)))
    await is_well(bed, phone, bob)
    # Who writes another's name as sender is no longer connected.
    phone.send_raw(iq(f"<disable xmlns='{NS_PUSH}' jid='{SERVICE}'/>", "", "forged", carol))
    await phone.ended()
    expect("her tokens", sorted([token, second]), sorted(await bed.stored(carol)))


@hostile.case
async def strange_text(bed: Bed) -> None:
    """names keep what people write, quotes and queries of SQL among it; what is no text is refused"""
    bob = await bed.user()
    phone = await bed.online(bob)
    names = ["'; DROP TABLE push_device; --", "\\' OR 1=1", "<&>\"'", "\U0001f4f1\u202eenohp", "%_%", "{\"a\": [1]}"]
    for number, name in enumerate(names):
        await phone.enable(new_token(), device_id=f"{number}{name}", device_name=name)
    devices = await phone.devices()
    expect("names", sorted(names), sorted(device["device-name"] for device in devices))
    expect("ids", sorted(f"{n}{name}" for n, name in enumerate(names)), sorted(device["device-id"] for device in devices))
    for number, name in enumerate(names):
        await phone.command("unregister-push", {"device-id": f"{number}{name}"})
    await is_well(bed, phone, bob)


@hostile.case
async def nothing_is_left(bed: Bed) -> None:
    """after hundreds of them the node has the processes, atoms and rows that it had"""
    bob = await bed.user()
    phone = await bed.online(bob)

    async def storm(round_number: int) -> None:
        unique = f"r{round_number}"
        inside = f"<{unique} xmlns='urn:{unique}'/><field var='{unique}'><value>{unique}</value></field>"
        inside += "<field var='kind'><value>z</value></field>" + "<a>" * 500 + "</a>" * 500
        for number, (child, to) in enumerate(requests(inside, unique, unique)):
            answer = await phone.ask_raw(iq(child, to, f"{unique}-{number}"), f"{unique}-{number}")
            expect(f"the answer to request {number}", "error", answer["type"])

    async def state() -> dict[str, int]:
        await bed.settle(bob)
        return await bed.node.eval(
            "#{processes => length([P || P <- processes(), {_, I} <- [process_info(P, initial_call)], I =/= {c, x, 0}]), "
            "atoms => erlang:system_info(atom_count), "
            "rows => lists:sum([ets:info(T, size) || T <- ets:all(), "
            "lists:prefix(\"push_\", atom_to_list(ets:info(T, name))), ets:info(T, name) =/= push_counters]), "
            "waiting => lists:sum([N || P <- processes(), {_, N} <- [process_info(P, message_queue_len)]])}")

    await storm(0)
    before = await state()
    for round_number in range(1, ROUNDS + 1):
        await storm(round_number)
    after = await state()
    expect("processes", True, abs(after["processes"] - before["processes"]) < 10)
    for what in ("atoms", "rows", "waiting"):
        expect(what, before[what], after[what])
    await is_well(bed, phone, bob)


if __name__ == "__main__":
    run(hostile)
