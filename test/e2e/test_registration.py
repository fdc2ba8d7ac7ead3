"""How devices come and go: XEP-0357, logout, moves, and what is refused with a sentence."""

from bed import Bed
from bed.phone import NS_PUSH, new_token, refusal
from bed.simulator import TOPIC
from bed.suite import Suite, expect, run

xep0357 = Suite("XEP-0357", lambda: Bed(DISCO))
DISCO = {"mod_adhoc": {}, "mod_disco": {}, "mod_offline": {}, "mod_roster": {}, "mod_version": {},
         "mod_stream_mgmt": {"resume_timeout": 300}}


@xep0357.case
async def enable(bed: Bed) -> None:
    """<enable/> registers the token that is its node; again, it renews it"""
    bob = await bed.user()
    phone, token = await bed.registered(bob)
    expect("tokens", [token], await bed.stored(bob))
    await phone.enable(token.upper())
    expect("tokens after a second time", [token], await bed.stored(bob))


@xep0357.case
async def disable(bed: Bed) -> None:
    """<disable/> with the node removes that device, without a node all of the user's"""
    bob = await bed.user()
    phone, first = await bed.registered(bob)
    others = sorted([new_token(), new_token()])
    for token in others:
        await phone.enable(token)
    await phone.disable(first)
    expect("tokens", others, sorted(await bed.stored(bob)))
    expect("a second time", "item-not-found", refusal(await phone.disable(first, expect_error=True))[0])
    await phone.disable()
    expect("tokens in the end", [], await bed.stored(bob))


@xep0357.case
async def after_disable(bed: Bed) -> None:
    """a disabled device gets no push any more, at once"""
    bob, alice = await bed.user(), await bed.sender()
    phone, token = await bed.registered(bob)
    await phone.disable(token)
    await phone.logout()
    await bed.settle(bob)
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    expect("pushes", [], await bed.pushes(since, bob))


@xep0357.case
async def another_token(bed: Bed) -> None:
    """a device that registers with a new token loses the old one; a device with another id does not"""
    bob = await bed.user()
    phone, _ = await bed.registered(bob, device_id="phone")
    new, pad = new_token(), new_token()
    await phone.enable(new, device_id="phone")
    await phone.enable(pad, device_id="pad")
    expect("tokens", sorted([new, pad]), sorted(await bed.stored(bob)))


@xep0357.case
async def limit(bed: Bed) -> None:
    """of more than twenty devices the one registered longest ago goes"""
    bob = await bed.user()
    phone = await bed.online(bob)
    tokens = [new_token() for _ in range(21)]
    for token in tokens:
        await phone.enable(token)
    expect("tokens", sorted(tokens[1:]), sorted(await bed.stored(bob)))
    await bed.node.reload(bed.module_config(max_devices=2))
    last = new_token()
    await phone.enable(last)
    expect("tokens of two at most", sorted([tokens[-1], last]), sorted(await bed.stored(bob)))
    await bed.node.reload(bed.module_config())


@xep0357.case
async def moves(bed: Bed) -> None:
    """a token that another user registers is his from then on: the first gets no push there any more"""
    bob, carol, alice = await bed.user(), await bed.user("carol"), await bed.sender()
    token = await bed.absent(bob)
    await bed.absent(carol, token)
    expect("bob's tokens", [], await bed.stored(bob))
    expect("carol's tokens", [token], await bed.stored(carol))
    since = await bed.simulator.end()
    alice.send(bob, "for the former owner of the phone")
    expect("pushes for bob", [], await bed.pushes(since, bob))
    since = await bed.simulator.end()
    alice.send(carol, "for its owner")
    expect("pushes for carol", [token], [push.token for push in await bed.pushes(since, carol)])
    expect("the log's line", True, f"moved from {bob} to {carol}" in await bed.log())


@xep0357.case
async def account_removed(bed: Bed) -> None:
    """with an account its devices go"""
    bob, alice = await bed.user(), await bed.sender()
    token = await bed.absent(bob)
    user = bob.partition("@")[0]
    await bed.node.eval(f'ejabberd_auth:remove_user(<<"{user}">>, <<"localhost">>)')
    await bed.until_stored(bob, [])
    await bed.register_account(bob)
    since = await bed.simulator.end()
    alice.send(bob, "for a new user of an old name")
    expect("pushes", [], await bed.pushes(since, bob))
    expect("the token", False, token in await bed.stored(bob))


@xep0357.case
async def forms(bed: Bed) -> None:
    """a wrong form is refused with a sentence that names the field"""
    bob = await bed.user()
    phone = await bed.online(bob)
    token = new_token()
    rows = [
        ("my phone", {}, "not-acceptable", "no device token"),
        ("", {}, "bad-request", "device token is missing"),
        (token + "0", {}, "not-acceptable", "no device token"),
        ("ab" * 101, {}, "not-acceptable", "node is too long"),
        (token, {"kind": "smell"}, "not-acceptable", "'kind' takes one of: alert, voip"),
        (token, {"content": "<everything>"}, "not-acceptable", "'content' takes one of"),
        (token, {"remove_on_logout": "\"'&"}, "not-acceptable", "'remove_on_logout'"),
        (token, {"app": "im.other"}, "item-not-found", TOPIC),
        (token, {"language": "no tag"}, "not-acceptable", "language tag"),
        (token, {"device_id": "x" * 1000}, "not-acceptable", "'device_id' is too long"),
        ("d-0123", {}, "item-not-found", "no device with this node"),
    ]
    for node, fields, condition, words in rows:
        came = await phone.enable_refused(node, **fields)
        expect(f"condition for {node[:10]} {fields}", condition, came[0])
        expect(f"{words!r} in {came[1]!r}", True, words in came[1])
    expect("tokens", [], await bed.stored(bob))


@xep0357.case
async def garbage(bed: Bed) -> None:
    """garbage in <enable/> is an error for its sender, and nothing else"""
    bob = await bed.user()
    phone, token = await bed.registered(bob)
    start = f"<enable xmlns='{NS_PUSH}' jid='push.localhost' node='{token}'>"
    for inside, why in (
        ("<x xmlns='jabber:x:data'/>", "'type'"),
        ("<x xmlns='jabber:x:data' type='nonsense'/>", "'type'"),
        ("<x xmlns='jabber:x:data' type='submit'><field type='nonsense'/></x>", "'type'"),
        ("<x xmlns='jabber:x:data' type='submit'><field var='kind'><value>alert</value></field>"
         "<field var='kind'><value>alert</value></field></x>", "Field 'kind' has more than one value"),
        ("<x xmlns='jabber:x:data' type='submit'>" + "<field var='a'><value>b</value></field>" * 2000
         + "<field var='kind'/><field var='token'><value/></field></x>", "The device token is missing"),
    ):
        condition, text = refusal(await phone.ask(f"{start}{inside}</enable>", expect_error=True))
        expect("condition", "bad-request", condition)
        expect(f"{why!r} in {text!r}", True, why in text)
    await phone.ask(f"{start}<x xmlns='nonsense'><y/></x>text</enable>")
    await phone.ask(f"<enable xmlns='{NS_PUSH}' jid='push.localhost' node='{token}'/>", kind="get", expect_error=True)
    await phone.ask(f"<enable xmlns='{NS_PUSH}' jid='@@@' node='{token}'/>", expect_error=True)
    await phone.ask(f"<enable xmlns='{NS_PUSH}' node='{token}'/>", expect_error=True)
    expect("tokens", [token], await bed.stored(bob))
    expect("crashes", 0, (await bed.node.counters())["hook_crashed"])


@xep0357.case
async def too_many(bed: Bed) -> None:
    """more registrations than sixty in a minute are refused for that account only, with a word on when to try again"""
    bob, carol = await bed.user(), await bed.user("carol")
    phone, other = await bed.online(bob), await bed.online(carol)
    token = new_token()
    # Two minutes' worth and one: whenever this runs, more than sixty of them are in one minute.
    answers = [await phone.ask(phone.enable_xml(token), expect_error=None) for _ in range(121)]
    refused = [refusal(answer) for answer in answers if answer["type"] == "error"]
    expect("a refusal", True, 0 < len(refused) <= 61)
    expect("how", {("resource-constraint", "Too many registrations of this account: try again in a minute")},
           set(refused))
    expect("counted", len(refused), (await bed.node.counters())["too_many_registrations"])
    await other.enable(new_token())
    expect("tokens", [token], await bed.stored(bob))


@xep0357.case
async def foreign(bed: Bed) -> None:
    """what is addressed to another service, or to another user, is not ours"""
    bob, carol = await bed.user(), await bed.user("carol")
    phone = await bed.online(bob)
    refused = await phone.enable_refused(new_token(), "push.example.net")
    expect("refusal", ("item-not-found", "The push service here is push.localhost"), refused)
    enable = f"<enable xmlns='{NS_PUSH}' jid='push.localhost' node='{new_token()}'/>"
    refused = refusal(await phone.ask(enable, to=carol, expect_error=True))
    expect("refusal", ("not-allowed", "This request must go to your own account: send it without 'to'"), refused)
    expect("bob's tokens", [], await bed.stored(bob))
    expect("carol's tokens", [], await bed.stored(carol))


@xep0357.case
async def discovery(bed: Bed) -> None:
    """a user's own account shows urn:xmpp:push:0 once, the server the commands"""
    bob = await bed.user()
    phone = await bed.online(bob)
    info = await phone.ask("<query xmlns='http://jabber.org/protocol/disco#info'/>", kind="get", to=bob)
    features = [feature.get("var") for feature in info.xml.iter("{http://jabber.org/protocol/disco#info}feature")]
    expect("feature urn:xmpp:push:0", 1, features.count(NS_PUSH))
    items = await phone.ask("<query xmlns='http://jabber.org/protocol/disco#items' "
                            "node='http://jabber.org/protocol/commands'/>", kind="get", to="localhost")
    nodes = {item.get("node") for item in items.xml.iter("{http://jabber.org/protocol/disco#items}item")}
    expect("commands", True, {"register-push-apns", "unregister-push", "list-push-registrations"} <= nodes)


@xep0357.case
async def both_tokens(bed: Bed) -> None:
    """voip_token registers the PushKit token of the same phone: a call rings there alone, and both go as one"""
    bob, alice = await bed.user(), await bed.sender()
    phone = await bed.online(bob)
    alert, voip = new_token(), new_token()
    await phone.enable(alert.upper(), voip_token=voip, remove_on_logout="true")
    expect("tokens", sorted([alert, voip]), sorted(await bed.stored(bob)))
    devices = await phone.devices()
    expect("kinds", ["alert", "voip"], sorted(device["kind"] for device in devices))
    expect("one id", 1, len({device["device-id"] for device in devices if device["device-id"]}))
    await phone.vanish()
    await bed.settle(bob)
    since = await bed.simulator.end()
    alice.send(bob, None, "<propose xmlns='urn:xmpp:jingle-message:0' id='call-1'>"
                          "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose>",
               "<store xmlns='urn:xmpp:hints'/>")
    expect("what rings", [voip], [push.token for push in await bed.pushes(since, bob)])
    await phone.resume()
    for token in (alert, alert.upper()):
        await phone.disable(token)
        expect("tokens after disable", [], await bed.stored(bob))
        await phone.enable(alert, voip_token=voip, device_id="phone", remove_on_logout="true")
    await phone.logout()
    await bed.until_stored(bob, [])


logout = Suite("logout", lambda: Bed(DISCO))


@logout.case
async def asked(bed: Bed) -> None:
    """a clean end removes the device that asked for it, and only that; the next message is no push there"""
    bob, alice = await bed.user(), await bed.sender()
    phone, leaving = await bed.registered(bob, remove_on_logout="true")
    pad = await bed.online(bob, "pad")
    staying = new_token()
    await pad.enable(staying)
    await pad.vanish()
    await phone.logout()
    await bed.settle(bob)
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    expect("pushes", [staying], [push.token for push in await bed.pushes(since, bob)])
    await bed.until_stored(bob, [staying])


@logout.case
async def not_asked(bed: Bed) -> None:
    """without that wish a clean end keeps the device: many apps end their stream whenever they are suspended"""
    bob, alice = await bed.user(), await bed.sender()
    token = await bed.absent(bob)
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    expect("pushes", [token], [push.token for push in await bed.pushes(since, bob)])


@logout.case
async def without_stream_management(bed: Bed) -> None:
    """a lost connection is no logout, with and without stream management; a clean end is one in both cases"""
    bob, alice = await bed.user(), await bed.sender()
    token = new_token()
    phone = await bed.online(bob, management=False)
    await phone.enable(token, remove_on_logout="true")
    await phone.vanish()
    await bed.settle(bob)
    expect("tokens", [token], await bed.stored(bob))
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    expect("pushes", [token], [push.token for push in await bed.pushes(since, bob)])
    again = await bed.online(bob, management=False)
    await bed.settle(bob)
    await again.logout()
    await bed.until_stored(bob, [])


@logout.case
async def replaced(bed: Bed) -> None:
    """a session that is replaced or kicked is no logout"""
    bob = await bed.user()
    _, token = await bed.registered(bob, remove_on_logout="true")
    await bed.online(bob)
    await bed.settle(bob)
    expect("tokens after a conflict", [token], await bed.stored(bob))
    user = bob.partition("@")[0]
    await bed.node.eval(f'ejabberd_sm:route(jid:make(<<"{user}">>, <<"localhost">>), {{exit, <<"kicked">>}})')
    await bed.session_ends(bob)
    expect("tokens after a kick", [token], await bed.stored(bob))


@logout.case
async def another_resource(bed: Bed) -> None:
    """the clean end of another client of the user is not the device's"""
    bob = await bed.user()
    phone, token = await bed.registered(bob, remove_on_logout="true")
    desk = await bed.online(bob, "desk")
    await desk.logout()
    await phone.round_trip()
    await bed.settle(bob)
    expect("tokens", [token], await bed.stored(bob))


@logout.case
async def registered_elsewhere(bed: Bed) -> None:
    """a device that a later session registered again stays, and goes on, when the earlier session logs out"""
    bob, alice = await bed.user(), await bed.sender()
    phone, token = await bed.registered(bob, remove_on_logout="true")
    later = await bed.online(bob, "later")
    await later.enable(token, remove_on_logout="true")
    await phone.logout()
    await later.vanish()
    await bed.settle(bob)
    expect("tokens", [token], await bed.stored(bob))
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    expect("pushes", [token], [push.token for push in await bed.pushes(since, bob)])


if __name__ == "__main__":
    run(xep0357, logout)
