"""Which session a device belongs to: by the user agent where client and server have SASL2 (XEP-0388), else by the
resource."""

from typing import cast

from bed import Bed
from bed.phone import new_token
from bed.suite import Suite, expect, run
from bed.web import WebPhone, WebSocket
from logout_matrix import HAS_SASL2, MODULES, Device, WebBed, judge, lost, registered

PHONE, OTHER = "6f0a7b0e-1f5c-4b6e-9a54-0b5f8f0e9a01", "0d9d3c52-7a0d-4f0f-8f5a-5d5b7f6f3c02"

resources = Suite("sessions by resource", lambda: WebBed(MODULES))
agents = Suite("sessions by user agent", lambda: WebBed(MODULES))


async def tokens(bed: Bed, jid: str, *devices: Device) -> None:
    await bed.settle(jid)
    expect("tokens", sorted(token for device in devices for token in (device.alert, device.voip)),
           sorted(await bed.stored(jid)))


@resources.case
async def gone_on(bed: Bed) -> None:
    """a phone that registers by another resource is not held to be online by the connection that it left behind"""
    bed = cast(WebBed, bed)
    bob, alice, device = await bed.user(), await bed.sender(), Device(True)
    former = await registered(bed, bob, device, resource="first")
    await former.round_trip()
    former.freeze()
    await lost(bed, await registered(bed, bob, device, resource="second"))
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    await bed.simulator.next_push(since, device.alert, seconds=5)
    await former.vanish()
    expect("pushes in all", 1, len(await bed.pushes(since, bob)))


@resources.case
async def after_resuming(bed: Bed) -> None:
    """a device that is registered again after a resumption stays bound to the session's resource"""
    bed = cast(WebBed, bed)
    bob, device = await bed.user(), Device(True)
    phone = await registered(bed, bob, device)
    await lost(bed, phone)
    await phone.resume()
    await device.register(phone)
    await (await bed.online(bob, "other")).logout()
    await tokens(bed, bob, device)
    await phone.logout()
    await bed.session_ends(bob)
    await judge(bed, bob)


@resources.case
async def of_another_session(bed: Bed) -> None:
    """what a client registered by another resource it removes by naming it; unregistering its session leaves it"""
    bed = cast(WebBed, bed)
    bob, device = await bed.user(), Device(False)
    await lost(bed, await registered(bed, bob, device, resource="first"))
    phone = await bed.online(bob, "second")
    await phone.command("unregister-push", {})
    await tokens(bed, bob, device)
    await phone.command("unregister-push", {"device_id": device.device_id})
    await tokens(bed, bob)


async def online(bed: WebBed, jid: str, agent: str, resource: str) -> WebPhone:
    phone = await bed.web_phone(jid, WebSocket, agent).login(resource)
    await bed.settle(jid)
    return phone


async def left(bed: WebBed, jid: str, agent: str, resource: str) -> Device:
    """Somebody was there, registered a phone that goes with a logout, and lost the connection."""
    device, phone = Device(True), await online(bed, jid, agent, resource)
    await device.register(phone)
    await lost(bed, phone)
    return device


async def out(bed: WebBed, jid: str, phone: WebPhone) -> None:
    await phone.logout()
    await bed.settle(jid)


@agents.case
async def other_resource(bed: Bed) -> None:
    """a logout takes what the same user agent registered by another resource"""
    bed = cast(WebBed, bed)
    bob = await bed.user()
    await left(bed, bob, PHONE, "first")
    await out(bed, bob, await online(bed, bob, PHONE, "second"))
    await judge(bed, bob)


@agents.case
async def other_agent(bed: Bed) -> None:
    """a logout leaves what another user agent registered by the same resource, and that one's takes it"""
    bed = cast(WebBed, bed)
    bob = await bed.user()
    device = await left(bed, bob, PHONE, "same")
    await out(bed, bob, await online(bed, bob, OTHER, "same"))
    await judge(bed, bob, device)
    await out(bed, bob, await online(bed, bob, PHONE, "same"))
    await judge(bed, bob)


@agents.case
async def late_end(bed: Bed) -> None:
    """the late end of a former connection leaves what the user agent's next one has, registered anew or not"""
    bed = cast(WebBed, bed)
    for anew in (True, False):
        bob, device = await bed.user(), Device(True)
        former = await online(bed, bob, PHONE, "first")
        await device.register(former)
        phone = await online(bed, bob, PHONE, "second")
        if anew:
            await device.register(phone)
        await bed.settle(bob)
        await out(bed, bob, former)
        await tokens(bed, bob, device)
        await out(bed, bob, phone)
        await judge(bed, bob)


@agents.case
async def late_end_elsewhere(bed: Bed) -> None:
    """the same by what the database knows, where the former connection was not told of the next"""
    bed = cast(WebBed, bed)
    bob, device = await bed.user(), Device(True)
    former = await online(bed, bob, PHONE, "first")
    phone = await online(bed, bob, PHONE, "second")
    await device.register(phone)
    user = bob.partition("@")[0]
    name, _ = await bed.node.eval(f'tuple_to_list(push_sessions:user_agent(<<"{PHONE}">>, 0))')
    us = f'{{<<"{user}">>, <<"localhost">>}}'
    login = 'erlang:system_time(millisecond)'
    await bed.node.eval(f'push_devices:logout({us}, {{<<"first">>, {{<<"{name}">>, 0}}}}, {login})')
    await tokens(bed, bob, device)
    await bed.node.eval(f'push_devices:logout({us}, {{<<"third">>, {{<<"{name}">>, {login}}}}}, {login})')
    await tokens(bed, bob)
    await former.vanish()


@agents.case
async def gone_on_unseen(bed: Bed) -> None:
    """a phone that logged in again and registered nothing is not held to be online by the connection it left behind"""
    bed = cast(WebBed, bed)
    bob, alice, device = await bed.user(), await bed.sender(), Device(True)
    former = await online(bed, bob, PHONE, "first")
    await device.register(former)
    phone = await (await online(bed, bob, PHONE, "second")).manage()
    await bed.settle(bob)
    await lost(bed, phone)
    since = await bed.simulator.end()
    alice.send(f"{bob}/second", "hello")
    await bed.simulator.next_push(since, device.alert, seconds=5)
    await former.vanish()


@agents.case
async def bound_at_login(bed: Bed) -> None:
    """a session that came with the login (XEP-0386) is its user agent's, too"""
    bed = cast(WebBed, bed)
    bob, device = await bed.user(), Device(True)
    phone = await bed.web_phone(bob, WebSocket, PHONE).login_bound("app")
    await device.register(phone)
    await lost(bed, phone)
    await out(bed, bob, await online(bed, bob, PHONE, "other"))
    await judge(bed, bob)


@agents.case
async def resumed(bed: Bed) -> None:
    """a session that was resumed stays its user agent's, whether it was told again or not"""
    bed = cast(WebBed, bed)
    for agent in (PHONE, None):
        bob = await bed.user()
        device = await left(bed, bob, PHONE, "first")
        phone = await (await online(bed, bob, PHONE, "second")).manage()
        await lost(bed, phone)
        phone.user_agent = agent
        await phone.resume()
        await bed.settle(bob)
        await out(bed, bob, await online(bed, bob, OTHER, "third"))
        await tokens(bed, bob, device)
        await out(bed, bob, phone)
        await judge(bed, bob)


@agents.case
async def without_agent(bed: Bed) -> None:
    """where one of the two told no user agent the resource counts: with the client's older login, and after an upgrade"""
    bed = cast(WebBed, bed)
    for first, second in ((None, PHONE), (PHONE, None)):
        bob, device = await bed.user(), Device(True)
        phone = await bed.web_phone(bob, WebSocket, first).login("same")
        await device.register(phone)
        await lost(bed, phone)
        for resource, remaining in (("other", [device]), ("same", [])):
            phone = await bed.web_phone(bob, WebSocket, second).login(resource)
            await bed.settle(bob)
            await out(bed, bob, phone)
            await tokens(bed, bob, *remaining)


@agents.case
async def unregisters(bed: Bed) -> None:
    """p1:push's <disable/> removes what the same user agent registered by another resource, and nothing of another"""
    bed = cast(WebBed, bed)
    bob = await bed.user()
    device = await left(bed, bob, PHONE, "first")
    for agent, remaining in ((OTHER, [device]), (PHONE, [])):
        phone = await online(bed, bob, agent, "second")
        await phone.ask("<disable xmlns='p1:push'/>")
        await tokens(bed, bob, *remaining)
        await phone.vanish()


@agents.case
async def agent_is_kept_short(bed: Bed) -> None:
    """what is stored of a user agent is no id of the client's, and of one length whatever it sent"""
    bed = cast(WebBed, bed)
    bob, token = await bed.user(), new_token()
    phone = await bed.web_phone(bob, WebSocket, "x" * 5000).login()
    await phone.ask(f"<enable xmlns='urn:xmpp:push:0' jid='push.localhost' node='{token}'/>")
    user = bob.partition("@")[0]
    names = await bed.node.eval(f'{{ok, Ds}} = push_devices:list({{<<"{user}">>, <<"localhost">>}}), '
                                '[A || #{user_agent := A} <- Ds]')
    expect("lengths", [32], [len(name) for name in names])


if __name__ == "__main__":
    # ejabberd has SASL2 from 24.02 on.
    run(resources, *([agents] if HAS_SASL2 else []))
