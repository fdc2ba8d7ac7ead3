"""The words of others' clients, as those clients send them: the Business Edition's p1:push, and Tigase's register-device."""

import base64
from typing import Any

from bed import Bed
from bed.phone import fields_of, form_xml, new_token, refusal
from bed.simulator import TOPIC
from bed.suite import Suite, expect, run

MODULES = {"mod_adhoc": {}, "mod_disco": {}, "mod_offline": {}, "mod_roster": {}, "mod_version": {},
           "mod_stream_mgmt": {"resume_timeout": 300}}
NS_DISCO = "http://jabber.org/protocol/disco"
SERVICE = "push.localhost"

p1 = Suite("p1:push", lambda: Bed(MODULES))


def push_xml(token: str, body: str = "<body send='all' groupchat='true' from='name'/>", offline: str = "true",
             app: str = TOPIC, attributes: str = "", kind: str = "applepush") -> str:
    """What ProcessOne's iOS library sends after each login, with the answers of its settings filled in."""
    return (f"<push xmlns='p1:push'{attributes}><keepalive max='120'/><session duration='60'/>{body}"
            f"<status type='xa'>Away</status><offline>{offline}</offline>"
            f"<notification><type>{kind}</type><id>{token}</id></notification><appid>{app}</appid></push>")


@p1.case
async def registers(bed: Bed) -> None:
    """<push/> registers the device by the app's topic, and a message is pushed once the user is gone"""
    bob, alice = await bed.user(), await bed.sender()
    phone, token = await bed.online(bob), new_token()
    await phone.ask(push_xml(token.upper()))
    expect("tokens", [token], await bed.stored(bob))
    await phone.logout()
    await bed.settle(bob)
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    expect("pushes", [token], [push.token for push in await bed.pushes(since, bob)])


@p1.case
async def no_push_after_logout(bed: Bed) -> None:
    """with <offline>false</offline> a logout removes the device"""
    bob = await bed.user()
    phone = await bed.online(bob)
    await phone.ask(push_xml(new_token(), offline="false"))
    await phone.logout()
    await bed.until_stored(bob, [])


@p1.case
async def disables(bed: Bed) -> None:
    """<disable/> removes the devices of this session and of no other, and is no error where there is none"""
    bob = await bed.user()
    phone, pad = await bed.online(bob), await bed.online(bob, "pad")
    kept = new_token()
    await phone.ask(push_xml(new_token()))
    await pad.ask(push_xml(kept))
    for _ in range(2):
        await phone.ask("<disable xmlns='p1:push'/>")
        expect("tokens", [kept], await bed.stored(bob))


@p1.case
async def refuses(bed: Bed) -> None:
    """another service, another app, no token: an error that says so, and nothing is stored"""
    bob, carol = await bed.user(), await bed.user("carol")
    phone, token = await bed.online(bob), new_token()
    for xml, condition, words in (
        (push_xml(token, kind="gcm"), "not-acceptable", "applepush"),
        (push_xml(token, app="com.example.other"), "item-not-found", TOPIC),
        (push_xml("no token"), "not-acceptable", "This is no device token"),
        (push_xml("aa" * 101), "not-acceptable", "too long"),
        ("<push xmlns='p1:push'/>", "bad-request", "<id/> in <notification/>"),
        ("<push xmlns='p1:push'><notification/></push>", "not-acceptable", "applepush"),
    ):
        got, text = refusal(await phone.ask(xml, expect_error=True))
        expect(f"the refusal of {xml}", (condition, True), (got, words in text))
    expect("of a get", "not-allowed", refusal(await phone.ask(push_xml(token), kind="get", expect_error=True))[0])
    await phone.ask(push_xml(token), to=carol, expect_error=True)
    expect("tokens", [[], []], [await bed.stored(bob), await bed.stored(carol)])
    await phone.ask("<push xmlns='urn:example:other'/>", expect_error=True)
    expect("crashes", 0, (await bed.node.counters())["hook_crashed"])


class MonalBed(Bed):
    """Apps that are named as Monal names its builds."""

    def module_config(self, **options: Any) -> dict[str, Any]:
        app = self.simulator.app()
        names = ("monalProdiOS", "monalProdiOS-sandbox")
        return super().module_config(**{"apps": {name: app | {"topic": "im.example.monal"} for name in names}} | options)


monal = Suite("Monal", lambda: MonalBed(MODULES))
others = Suite("others' options and commands", lambda: Bed(MODULES))


def enable_xml(node: str, *fields: tuple[str, str]) -> str:
    form = "".join(f"<field var='{name}'><value>{value}</value></field>" for name, value in fields)
    return (f"<enable xmlns='urn:xmpp:push:0' jid='{SERVICE}' node='{node}'><x xmlns='jabber:x:data' type='submit'>"
            "<field var='FORM_TYPE'><value>http://jabber.org/protocol/pubsub#publish-options</value></field>"
            f"{form}</x></enable>")


def command_xml(node: str, *fields: tuple[str, str]) -> str:
    form = "".join(f"<field var='{name}'><value>{value}</value></field>" for name, value in fields)
    return (f"<command xmlns='http://jabber.org/protocol/commands' node='{node}' action='execute'>"
            f"<x xmlns='jabber:x:data' type='submit'>{form}</x></command>")


@monal.case
async def names_its_build(bed: Bed) -> None:
    """the token is the node, and pushModule names the app of the build"""
    bob = await bed.user()
    phone = await bed.online(bob)
    for module in ("monalProdiOS", "monalProdiOS-sandbox"):
        token = new_token()
        await phone.ask(enable_xml(token, ("pushModule", module)))
        expect("apps", [module], [device["app"] for device in await phone.devices()])
        await phone.disable(token)
    answer = await phone.ask(enable_xml(new_token(), ("pushModule", "quicksyProdiOS")), expect_error=True)
    expect("a build that is not here", "item-not-found", refusal(answer)[0])


@others.case
async def mongooseim(bed: Bed) -> None:
    """MongooseIM's clients name a service, give the token as device_id, and a node of their own choice"""
    bob, alice = await bed.user(), await bed.sender()
    phone, token, node = await bed.online(bob), new_token(), "punsub_node_for_my_private_iphone"
    options = (("service", "apns"), ("device_id", token), ("silent", "false"), ("topic", TOPIC), ("priority", "high"),
               ("mode", "prod"), ("mutable_content", "true"), ("click_action", "open"), ("sound", "default"))
    await phone.ask(enable_xml(node, *options))
    expect("tokens", [token], await bed.stored(bob))
    refused = await phone.ask(enable_xml(node, ("service", "fcm"), *options[1:]), expect_error=True)
    expect("another service", "not-acceptable", refusal(refused)[0])
    await phone.vanish()
    await bed.settle(bob)
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    expect("pushes", [token], [push.token for push in await bed.pushes(since, bob)])
    await phone.resume()
    await phone.disable(node)
    expect("tokens after disable", [], await bed.stored(bob))


@others.case
async def royneary_pushoff_p2(bed: Bed) -> None:
    """the ad-hoc commands of royneary's app server, mod_pushoff and p2, each with its own way to write a token"""
    bob = await bed.user()
    phone, token = await bed.online(bob), new_token()
    raw = base64.b64encode(bytes.fromhex(token)).decode()
    for node, undo, *fields in (
        ("register-push-apns", "unregister-push", ("token", raw), ("device-id", "phone"), ("device-name", "Bob's phone"),
         ("app", TOPIC)),
        ("register-push-apns", "unregister-push", ("token", raw), ("backend_ref", TOPIC)),
        ("register-push-apns-h2", "unregister-push", ("token", raw), ("backend_ref", TOPIC)),
        ("register-push-apns", "unregister-push-apns", ("token", token), ("device-id", "phone"),
         ("muc", "room@conference.localhost"), ("topic", TOPIC)),
    ):
        answer = await phone.ask(command_xml(node, *((name, value.replace("'", "&apos;")) for name, value in fields)),
                                 to="localhost")
        form = fields_of(answer.xml)
        expect(f"{node}'s answer to {fields}", (SERVICE, True, True), (form["jid"], bool(form["node"]), bool(form["secret"])))
        expect("tokens", [token], await bed.stored(bob))
        named = tuple(field for field in fields if field[0] == "device-id")
        await phone.ask(command_xml(undo, *named), to="localhost")
        expect(f"tokens after {undo}", [], await bed.stored(bob))


class TigaseBed(Bed):
    """The one app is for such clients, unless told otherwise."""

    def module_config(self, **options: Any) -> dict[str, Any]:
        return super().module_config(**{"apps": {TOPIC: self.simulator.app() | {"tigase": True}}} | options)


tigase = Suite("Tigase's register-device", lambda: TigaseBed(MODULES))


def command(node: str, fields: dict[str, str] | None) -> str:
    form = form_xml({"provider": "tigase:messenger:apns:1"} | fields) if fields is not None else ""
    return f"<command xmlns='http://jabber.org/protocol/commands' node='{node}' action='execute'>{form}</command>"


@tigase.case
async def is_found(bed: Bed) -> None:
    """the server's items lead to the component, which is what Siskin looks for and tells of its commands"""
    phone = await bed.online(await bed.user())
    items = await phone.ask(f"<query xmlns='{NS_DISCO}#items'/>", "get", "localhost")
    expect("the component among the server's items", True,
           SERVICE in {item.get("jid") for item in items.xml.iter(f"{{{NS_DISCO}#items}}item")})
    info = await phone.ask(f"<query xmlns='{NS_DISCO}#info'/>", "get", SERVICE)
    identity = info.xml.find(".//{*}identity")
    expect("what it is", ("pubsub", "push"), (identity.get("category"), identity.get("type")))
    features = {feature.get("var") for feature in info.xml.iter(f"{{{NS_DISCO}#info}}feature")}
    expect("its features", True, {"urn:xmpp:push:0", "tigase:messenger:apns:1"} <= features)
    commands = await phone.ask(f"<query xmlns='{NS_DISCO}#items' node='http://jabber.org/protocol/commands'/>",
                               "get", SERVICE)
    nodes = [item.get("node") for item in commands.xml.iter(f"{{{NS_DISCO}#items}}item")]
    expect("its commands", ["register-device", "unregister-device"], sorted(nodes))
    for node in nodes:
        info = await phone.ask(f"<query xmlns='{NS_DISCO}#info' node='{node}'/>", "get", SERVICE)
        expect(f"what {node} is", "command-node", info.xml.find(".//{*}identity").get("type"))
    await phone.ask(f"<query xmlns='{NS_DISCO}#info' node='other'/>", "get", SERVICE, expect_error=True)


@tigase.case
async def registers_both_tokens(bed: Bed) -> None:
    """register-device takes both tokens of a phone; its node can be enabled; unregister-device removes both"""
    bob, alice = await bed.user(), await bed.sender()
    phone = await bed.online(bob)
    token, pushkit = new_token(), new_token()
    answer = await phone.ask(command("register-device", {"device-token": token, "device-second-token": pushkit}),
                             to=SERVICE)
    node = fields_of(answer.xml)["node"]
    expect("tokens", sorted([token, pushkit]), sorted(await bed.stored(bob)))
    await phone.enable(node)
    await phone.vanish()
    await bed.settle(bob)
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    expect("pushes of a message", [token], [push.token for push in await bed.pushes(since, bob)])
    since = await bed.simulator.end()
    alice.send(bob, None, "<propose xmlns='urn:xmpp:jingle-message:0' id='call'><description "
               "xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose>", "<store xmlns='urn:xmpp:hints'/>")
    expect("pushes of a call", [pushkit], [push.token for push in await bed.pushes(since, bob)])
    back = await bed.online(bob)
    await back.ask(command("unregister-device", {"device-token": token}), to=SERVICE)
    expect("tokens in the end", [], await bed.stored(bob))
    again = await back.ask(command("unregister-device", {"device-token": token}), to=SERVICE, expect_error=True)
    expect("a second time", "item-not-found", refusal(again)[0])


@tigase.case
async def disable_takes_both(bed: Bed) -> None:
    """<disable/> with the node removes both tokens of the phone"""
    bob = await bed.user()
    phone = await bed.online(bob)
    answer = await phone.ask(command("register-device", {"device-token": new_token(),
                                                         "device-second-token": new_token()}), to=SERVICE)
    await phone.disable(fields_of(answer.xml)["node"])
    expect("tokens", [], await bed.stored(bob))


@tigase.case
async def refuses_wrong_forms(bed: Bed) -> None:
    """another provider, no token, a wrong second one, another command, another server: refused, and nothing is stored"""
    bob = await bed.user()
    phone, token = await bed.online(bob), new_token()
    for node, fields, condition in (
        ("register-device", {"provider": "tigase:messenger:fcm:1", "device-token": token}, "not-acceptable"),
        ("register-device", {}, "bad-request"),
        ("register-device", None, "bad-request"),
        ("register-device", {"device-token": "no token"}, "not-acceptable"),
        ("register-device", {"device-token": token, "device-second-token": "no token"}, "not-acceptable"),
        ("unregister-device", {"device-token": token}, "item-not-found"),
        ("list-devices", {}, "item-not-found"),
    ):
        answer = await phone.ask(command(node, fields), to=SERVICE, expect_error=True)
        expect(f"the refusal of {node} with {fields}", condition, refusal(answer)[0])
    expect("tokens", [], await bed.stored(bob))
    expect("crashes", 0, (await bed.node.counters())["hook_crashed"])


@tigase.case
async def goes_with_the_option(bed: Bed) -> None:
    """without an app for such clients there is no component, and a crash of its process brings it back where there is"""
    phone = await bed.online(await bed.user())
    query = f"<query xmlns='{NS_DISCO}#info'/>"
    await bed.node.eval("""
        Self = self(),
        Tell = fun(Route) -> Self ! {route, Route} end,
        ok = ejabberd_hooks:add(route_registered, Tell, 50),
        exit(whereis(push_component), kill),
        receive {route, <<"push.localhost">>} -> ok after 20000 -> exit(late) end,
        ejabberd_hooks:delete(route_registered, Tell, 50)""")
    await phone.ask(query, "get", SERVICE)
    await bed.node.reload(bed.module_config(apps={TOPIC: bed.simulator.app()}))
    expect("the route", False, await bed.node.eval("ejabberd_router:is_my_route(<<\"push.localhost\">>)"))
    await bed.node.reload(bed.module_config())
    await phone.ask(query, "get", SERVICE)
    app = bed.simulator.app() | {"tigase": True}
    said = await bed.node.refused_reload(bed.module_config(apps={TOPIC: app, "beta": app}))
    expect("what is said of two apps for such clients", True,
           "modules->mod_push_service->apps" in said and f"{TOPIC}" in said and "beta" in said)


shared = Suite("two vhosts with one service", lambda: TigaseBed(
    MODULES, {"host": SERVICE}, hosts=("localhost", "other.localhost")))


@shared.case
async def both_are_served(bed: Bed) -> None:
    """both vhosts' users register at the one component, and those of one when the other's module stops"""
    bob, carol = await bed.user("bob"), await bed.user("carol", "other.localhost")
    for jid in (bob, carol):
        token = new_token()
        await (await bed.online(jid)).ask(command("register-device", {"device-token": token}), to=SERVICE)
        expect(f"tokens of {jid}", [token], await bed.stored(jid))
    for host, user in (("localhost", carol), ("other.localhost", bob)):
        await bed.node.eval(f'gen_mod:stop_module(<<"{host}">>, mod_push_service)')
        phone = await bed.online(user, "pad")
        await phone.ask(command("register-device", {"device-token": new_token()}), to=SERVICE)
        await bed.node.eval(f'gen_mod:start_module(<<"{host}">>, mod_push_service)')


if __name__ == "__main__":
    run(p1, monal, others, tigase, shared)
