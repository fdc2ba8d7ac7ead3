"""Beside other modules: with and without mod_push and mod_mam, in whatever order they come and go."""

from typing import Any

from bed import Bed
from bed.phone import NS_PUSH, new_token
from bed.suite import Suite, expect, run

PLAIN: dict[str, Any] = {"mod_adhoc": {}, "mod_disco": {}, "mod_offline": {}, "mod_roster": {},
                         "mod_stream_mgmt": {"resume_timeout": 300}}
MUC = {"mod_muc": {"default_room_options": {"allow_subscription": True, "mam": False}}}

with_push = Suite("with mod_push", lambda: Bed(PLAIN | {"mod_push": {}, "mod_push_keepalive": {}}))
with_mam = Suite("with mod_mam", lambda: Bed(PLAIN | {"mod_mam": {"default": "always"}} | MUC))
mam_for_storage = Suite("with mod_mam as offline storage", lambda: Bed(
    PLAIN | {"mod_mam": {"default": "always"}, "mod_offline": {"use_mam_for_storage": True}}))
only_mam = Suite("with mod_mam, without mod_offline", lambda: Bed(
    {name: value for name, value in PLAIN.items() if name != "mod_offline"} | {"mod_mam": {"default": "always"}}))
with_both = Suite("with mod_push and mod_mam", lambda: Bed(PLAIN | {"mod_push": {}, "mod_mam": {"default": "always"}}))
without_management = Suite("without mod_stream_mgmt", lambda: Bed(
    {name: value for name, value in PLAIN.items() if name != "mod_stream_mgmt"}))
reloads = Suite("mod_push by reload", lambda: Bed(PLAIN))


async def one_push_offline(bed: Bed) -> None:
    """a message for an absent user is one push"""
    bob, alice = await bed.user(), await bed.sender()
    token = await bed.absent(bob)
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    expect("tokens", [token], [push.token for push in await bed.pushes(since, bob)])
    phone = await bed.online(bob)
    expect("tokens after the message was fetched", [token], [push.token for push in await bed.pushes(since, bob)])
    await phone.round_trip()


async def one_push_pending(bed: Bed) -> None:
    """a message for a lost session is one push, resumed and lost again or not"""
    bob, alice = await bed.user(), await bed.sender()
    phone, token = await bed.registered(bob)
    await phone.vanish()
    await bed.settle(bob)
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    await bed.simulator.next_push(since, token)
    await phone.resume()
    await phone.vanish()
    expect("tokens", [token], [push.token for push in await bed.pushes(since, bob)])


async def two_messages_two_pushes(bed: Bed) -> None:
    """the same text with the same id, twice, is two messages and two pushes"""
    bob, alice = await bed.user(), await bed.sender()
    token = await bed.absent(bob)
    since = await bed.simulator.end()
    for _ in range(2):
        alice.send_with_id(bob, "hello", "1")
    expect("tokens", [token, token], [push.token for push in await bed.pushes(since, bob)])


for suite in (with_push, with_mam, mam_for_storage, with_both):
    for case in (one_push_offline, one_push_pending, two_messages_two_pushes):
        suite.case(case)
only_mam.case(one_push_offline)
without_management.case(one_push_offline)


@with_push.case
async def its_own(bed: Bed) -> None:
    """mod_push serves other services' jids as ever, ours stays ours, and the feature is shown once"""
    bob = await bed.user()
    phone, token = await bed.registered(bob)
    await phone.enable("some-node", "push.example.net", secret="x")
    expect("our tokens", [token], await bed.stored(bob))
    sessions = 'length(element(2, mod_push_mnesia:lookup_sessions(<<"{}">>, <<"localhost">>)))'
    expect("mod_push's sessions", 1, await bed.node.eval(sessions.format(bob.partition("@")[0])))
    info = await phone.ask("<query xmlns='http://jabber.org/protocol/disco#info'/>", kind="get", to=bob)
    features = [feature.get("var") for feature in info.xml.iter("{http://jabber.org/protocol/disco#info}feature")]
    expect("feature urn:xmpp:push:0", 1, features.count(NS_PUSH))
    condition, text = await phone.enable_refused("my phone")
    expect("condition", "not-acceptable", condition)
    expect("a sentence of ours", True, "no device token" in text)


@with_mam.case
async def room(bed: Bed) -> None:
    """a message in a room reaches an absent subscriber (MUC/Sub) as one push"""
    bob, alice = await bed.user(), await bed.sender()
    phone, token = await bed.registered(bob)
    name = f"room{bob.partition('@')[0]}@conference.localhost"
    await alice.join(name, "alice")
    await phone.ask(f"<subscribe xmlns='urn:xmpp:mucsub:0' nick='bob'>"
                    f"<event node='urn:xmpp:mucsub:nodes:messages'/></subscribe>", to=name)
    await phone.logout()
    await bed.settle(bob)
    since = await bed.simulator.end()
    alice.send(name, "hello all", mtype="groupchat")
    await bed.simulator.next_push(since, token)
    expect("tokens", [token], [push.token for push in await bed.pushes(since, bob)])


@reloads.case
async def comes_and_goes(bed: Bed) -> None:
    """mod_push may be added and removed while the node runs: ours is served throughout"""
    bob = await bed.user()
    phone, token = await bed.registered(bob)
    await bed.node.reload(bed.module_config() | {"mod_push": {}})
    await phone.enable(token)
    expect("refused by us", "not-acceptable", (await phone.enable_refused("my phone"))[0])
    await phone.enable("some-node", "push.example.net", secret="x")
    await bed.node.reload(bed.module_config())
    await phone.enable(token)
    expect("refused by us", "not-acceptable", (await phone.enable_refused("my phone"))[0])
    await phone.enable_refused("some-node", "push.example.net")
    await one_push_pending(bed)


@reloads.case
async def ours_comes_and_goes(bed: Bed) -> None:
    """ours may be removed and added beside mod_push: then mod_push is served throughout"""
    bob = await bed.user()
    phone = await bed.online(bob)
    others = bed.modules | {"mod_push": {}}
    await bed.node.reload(others)
    await phone.enable("some-node", "push.example.net", secret="x")
    await bed.node.reload(bed.module_config() | {"mod_push": {}})
    await phone.enable("some-node", "push.example.net", secret="x")
    token = new_token()
    await phone.enable(token)
    expect("our tokens", [token], await bed.stored(bob))
    await bed.node.reload(bed.module_config())
    await one_push_pending(bed)


if __name__ == "__main__":
    run(with_push, with_mam, mam_for_storage, only_mam, with_both, without_management, reloads)
