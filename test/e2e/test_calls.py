"""Calls: which of a user's devices ring, and that a phone rings once."""

from bed import Bed
from bed.phone import new_token
from bed.simulator import TOPIC, Push
from bed.suite import Suite, expect, run

calls = Suite("calls", Bed)

PROPOSE = ("<propose xmlns='urn:xmpp:jingle-message:0' id='call-1'>"
           "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose>")
STORE = "<store xmlns='urn:xmpp:hints'/>"
NO_STORE = "<no-store xmlns='urn:xmpp:hints'/>"
LEVELS = ("none", "sender", "body")


async def rings(bed: Bed, jid: str, *tokens: str) -> list[Push]:
    """Alice calls: these devices are told, each once, and no other."""
    alice = await bed.sender()
    since = await bed.simulator.end()
    alice.send(jid, None, PROPOSE, STORE)
    # Each app has an engine of its own, so one app's push says nothing about the other's.
    for token in tokens:
        await bed.simulator.next_push(since, token)
    pushes = await bed.pushes(since, jid)
    expect("tokens that ring", sorted(tokens), sorted(push.token for push in pushes))
    return pushes


async def away(bed: Bed, jid: str, *devices: dict[str, str]) -> list[str]:
    """Registers devices of a user, who leaves then; their tokens."""
    phone = await bed.online(jid)
    tokens = [new_token() for _ in devices]
    for token, fields in zip(tokens, devices, strict=True):
        await phone.enable(token, **fields)
    await phone.logout()
    await bed.settle(jid)
    return tokens


@calls.case
async def voip(bed: Bed) -> None:
    """a call goes to the PushKit token, and to it alone"""
    bob, alice = await bed.user(), await bed.sender()
    phone, token = await bed.registered(bob)
    voip = new_token()
    await phone.enable(voip, kind="voip")
    await phone.logout()
    await bed.settle(bob)
    since = await bed.simulator.end()
    alice.send(bob, None, PROPOSE, STORE)
    alice.send(bob, "a message")
    pushes = await bed.pushes(since, bob)
    expect("tokens", [voip, token], [push.token for push in pushes])
    expect("push type", "voip", pushes[0].headers["apns-push-type"])
    expect("topic", "im.example.chat.voip", pushes[0].headers["apns-topic"])
    expect("payload", {"call": {"id": "call-1", "media": ["audio"]}},
           {key: value for key, value in pushes[0].payload.items() if key != "aps"})


@calls.case
async def without_voip(bed: Bed) -> None:
    """a call for a user without a PushKit token is a time-sensitive alert, stored or not"""
    bob, alice = await bed.user(), await bed.sender()
    token = await bed.absent(bob)
    since = await bed.simulator.end()
    alice.send(bob, None, PROPOSE, STORE)
    alice.send(bob, None, PROPOSE.replace("call-1", "call-2"), NO_STORE)
    pushes = await bed.pushes(since, bob)
    expect("tokens", [token, token], [push.token for push in pushes])
    for push in pushes:
        expect("what the phone shows", "Incoming call", push.shown)
        expect("interruption-level", "time-sensitive", push.aps["interruption-level"])


@calls.case
async def levels_of_one_phone(bed: Bed) -> None:
    """a phone whose tokens may show different things rings by its PushKit token alone"""
    await bed.node.reload(bed.module_config(content="body"))
    bob, alice = await bed.user(), await bed.sender()
    voip, alert = await away(bed, bob, {"kind": "voip"}, {"content": "none"})
    await rings(bed, bob, voip)
    since = await bed.simulator.end()
    alice.send(bob, "a message")
    expect("tokens of a message", [alert], [push.token for push in await bed.pushes(since, bob)])
    await bed.node.reload(bed.module_config())


@calls.case
async def two_apps(bed: Bed) -> None:
    """a PushKit token of one app silences no device of another, at any level; unless both are said to be one phone"""
    both = {"apps": {TOPIC: bed.simulator.app(), "beta": bed.simulator.app() | {"topic": TOPIC}}}
    for content in LEVELS:
        await bed.node.reload(bed.module_config(content=content, **both))
        bob = await bed.user()
        voip, _, other = await away(bed, bob, {"app": TOPIC, "kind": "voip"}, {"app": TOPIC}, {"app": "beta"})
        pushes = await rings(bed, bob, voip, other)
        expect(f"push types with content: {content}", {voip: "voip", other: "alert"},
               {push.token: push.headers["apns-push-type"] for push in pushes})
        carol = await bed.user("carol")
        voip, _ = await away(bed, carol, {"app": TOPIC, "kind": "voip", "device_id": "phone"},
                             {"app": "beta", "device_id": "phone"})
        await rings(bed, carol, voip)
    await bed.node.reload(bed.module_config())


@calls.case
async def phone_and_pad(bed: Bed) -> None:
    """a pad without PushKit is told of a call beside a phone with it, once the app names its devices"""
    for content in LEVELS:
        await bed.node.reload(bed.module_config(content=content))
        bob = await bed.user()
        voip, _, pad = await away(bed, bob, {"kind": "voip", "device_id": "phone"}, {"device_id": "phone"},
                                  {"device_id": "pad", "content": "sender"})
        await rings(bed, bob, voip, pad)
    await bed.node.reload(bed.module_config())


@calls.case
async def app_is_down(bed: Bed) -> None:
    """a phone does not stay silent for a PushKit token whose app is down"""
    both = {TOPIC: bed.simulator.app(), "beta": bed.simulator.app() | {"topic": TOPIC}}
    await bed.node.reload(bed.module_config(apps=both))
    bob = await bed.user()
    _, alert = await away(bed, bob, {"app": "beta", "kind": "voip", "device_id": "phone"},
                          {"app": TOPIC, "device_id": "phone"})
    key = bed.folder / "AuthKey.p8"
    key.write_text("no key")
    both["beta"] = both["beta"] | {"key_file": str(key)}
    await bed.node.reload(bed.module_config(apps=both))
    before = (await bed.node.counters())["app_down"]
    await rings(bed, bob, alert)
    expect("counted, with the witness's message", 2, (await bed.node.counters())["app_down"] - before)
    await bed.node.reload(bed.module_config())


@calls.case
async def one_online(bed: Bed) -> None:
    """a call that a pad gets online rings at the phone that was lost, by its PushKit token"""
    bob = await bed.user()
    phone, _ = await bed.registered(bob, device_id="phone")
    voip = new_token()
    await phone.enable(voip, kind="voip", device_id="phone")
    pad = await bed.online(bob, "pad")
    await pad.enable(new_token(), device_id="pad")
    await phone.vanish()
    await bed.settle(bob)
    await rings(bed, bob, voip)


if __name__ == "__main__":
    run(calls)
