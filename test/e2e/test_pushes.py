"""From messages to pushes: what is pushed, to whom, and how often."""

from bed import Bed
from bed.phone import new_token
from bed.suite import Suite, expect, run

basic = Suite("pushes", Bed)

OMEMO = ("<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/><payload>AAAA</payload></encrypted>")
KEY_TRANSPORT = "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/></encrypted>"
STORE = "<store xmlns='urn:xmpp:hints'/>"
NO_STORE = "<no-store xmlns='urn:xmpp:hints'/>"


@basic.case
async def offline(bed: Bed) -> None:
    """a message for a user without a session is a push that tells Apple nothing"""
    bob, alice = await bed.user(), await bed.sender()
    token = await bed.absent(bob)
    since = await bed.simulator.end()
    alice.send(bob, "a very private text")
    push = await bed.simulator.next_push(since)
    expect("token", token, push.token)
    expect("status", 200, push.status)
    expect("what the phone shows", "New message", push.shown)
    expect("mutable-content", 1, push.aps.get("mutable-content"))
    expect("push type", "alert", push.headers["apns-push-type"])
    expect("priority", "10", push.headers["apns-priority"])
    for word in ("private", "alice", "bob", "localhost"):
        expect(f"{word!r} in what Apple gets", False, word in repr(push.payload) + repr(push.headers))


@basic.case
async def pending(bed: Bed) -> None:
    """a message for a session that lost its phone is one push, and none again when it is resumed"""
    bob, alice = await bed.user(), await bed.sender()
    phone, token = await bed.registered(bob)
    await phone.vanish()
    await bed.settle(bob)
    since = await bed.simulator.end()
    alice.send(bob, "one")
    push = await bed.simulator.next_push(since, token)
    await phone.resume()
    expect("the message", "one", await phone.next_message())
    await phone.vanish()
    expect("pushes after resuming and losing the phone again", [],
           await bed.pushes(push.sequence + 1, bob))


@basic.case
async def unacknowledged(bed: Bed) -> None:
    """a message that went into a socket nobody read any more is pushed when that is found out"""
    bob, alice = await bed.user(), await bed.sender()
    phone, token = await bed.registered(bob)
    await phone.round_trip()
    phone.freeze()
    since = await bed.simulator.end()
    alice.send(bob, "into the void")
    await alice.round_trip()
    expect("pushes while nobody knows", [], await bed.pushes(since, bob))
    since = await bed.simulator.end()
    await phone.vanish()
    await bed.simulator.next_push(since, token)
    expect("pushes in all", 1, len(await bed.pushes(since, bob)))


@basic.case
async def devices(bed: Bed) -> None:
    """all devices of an absent user get the push, each once"""
    bob, alice = await bed.user(), await bed.sender()
    tokens = sorted([await bed.absent(bob) for _ in range(3)])
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    pushes = await bed.pushes(since, bob)
    expect("tokens", tokens, sorted(push.token for push in pushes))


@basic.case
async def two_lost_sessions(bed: Bed) -> None:
    """two phones that lost their connections at the same time get one push each"""
    bob, alice = await bed.user(), await bed.sender()
    tokens = []
    for resource in ("phone", "pad"):
        phone = await bed.online(bob, resource)
        tokens.append(new_token())
        await phone.enable(tokens[-1])
        await phone.vanish()
    await bed.settle(bob)
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    pushes = await bed.pushes(since, bob)
    expect("tokens", sorted(tokens), sorted(push.token for push in pushes))


@basic.case
async def one_online(bed: Bed) -> None:
    """a device that is online gets the message there and no push; when it is lost too, it gets its own"""
    bob, alice = await bed.user(), await bed.sender()
    phone, lost = await bed.registered(bob)
    pad = await bed.online(bob, "pad")
    pad_token = new_token()
    await pad.enable(pad_token)
    await phone.vanish()
    await bed.settle(bob)
    since = await bed.simulator.end()
    pad.freeze()
    alice.send(bob, "hello")
    expect("tokens", [lost], [push.token for push in await bed.pushes(since, bob)])
    since = await bed.simulator.end()
    await pad.vanish()
    expect("tokens after the pad is lost", [pad_token], [push.token for push in await bed.pushes(since, bob)])


@basic.case
async def learnt_again(bed: Bed) -> None:
    """a device that comes back with its resource is online without registering again"""
    bob, alice = await bed.user(), await bed.sender()
    phone, token = await bed.registered(bob)
    await phone.logout()
    await bed.settle(bob)
    pad = await bed.online(bob, "pad")
    pad_token = new_token()
    await pad.enable(pad_token)
    await pad.vanish()
    again = await bed.online(bob)
    await bed.settle(bob)
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    expect("the message", "hello", await again.next_message())
    expect("tokens", [pad_token], [push.token for push in await bed.pushes(since, bob)])
    expect("devices", sorted([token, pad_token]), sorted(await bed.stored(bob)))


@basic.case
async def undeserving(bed: Bed) -> None:
    """chat states, markers, receipts, headlines, no-store and key transport are no push"""
    bob, alice = await bed.user(), await bed.sender()
    await bed.absent(bob)
    since = await bed.simulator.end()
    alice.send(bob, None, "<composing xmlns='http://jabber.org/protocol/chatstates'/>")
    alice.send(bob, None, "<received xmlns='urn:xmpp:receipts' id='1'/>", STORE)
    alice.send(bob, None, "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>", STORE)
    alice.send(bob, "hello", NO_STORE)
    alice.send(bob, "hello", mtype="headline")
    alice.send(bob, "fallback", KEY_TRANSPORT)
    alice.send(bob, None, "<retract xmlns='urn:xmpp:jingle-message:0' id='call-1'/>", STORE)
    expect("pushes", [], await bed.pushes(since, bob))


@basic.case
async def own(bed: Bed) -> None:
    """what a user writes to himself is no push"""
    bob = await bed.user()
    phone, _ = await bed.registered(bob)
    desk = await bed.online(bob, "desk")
    await phone.vanish()
    await bed.settle(bob)
    since = await bed.simulator.end()
    desk.send(bob, "a note to myself")
    await desk.round_trip()
    expect("pushes", [], await bed.pushes(since, bob))


@basic.case
async def encrypted(bed: Bed) -> None:
    """an OMEMO message is a push, and its fallback body is not in it"""
    bob, alice = await bed.user(), await bed.sender()
    await bed.absent(bob)
    since = await bed.simulator.end()
    alice.send(bob, "fallback text", OMEMO)
    push = await bed.simulator.next_push(since)
    expect("what the phone shows", "New message", push.shown)


@basic.case
async def replayed(bed: Bed) -> None:
    """messages that a phone fetches from offline storage and loses again are not pushed again"""
    bob, alice = await bed.user(), await bed.sender()
    token = await bed.absent(bob)
    since = await bed.simulator.end()
    alice.send(bob, "stored")
    push = await bed.simulator.next_push(since, token)
    phone = await bed.online(bob, present=False)
    await phone.round_trip()
    phone.freeze()
    phone.be_present()
    await bed.settle(bob)
    await phone.vanish()
    expect("pushes", [], await bed.pushes(push.sequence + 1, bob))


@basic.case
async def nasty_texts(bed: Bed) -> None:
    """quotes, backslashes, line ends, emoji and markup in a message harm nobody"""
    bob, alice = await bed.user(), await bed.sender()
    await bed.absent(bob)
    since = await bed.simulator.end()
    for text in ('"}],{"aps":1}', "\\u0000 \\ \n\t\r", "😀" * 500, "<b>&amp;</b>", "x" * 100_000):
        alice.send(bob, text)
    pushes = await bed.pushes(since, bob)
    expect("what the phone shows", ["New message"] * 5, [push.shown for push in pushes])


@basic.case
async def nothing_in_the_log(bed: Bed) -> None:
    """no whole device token, no text and no key is in ejabberd's log"""
    bob, alice = await bed.user(), await bed.sender()
    token = await bed.absent(bob)
    since = await bed.simulator.end()
    await bed.simulator.uninstall(token)
    alice.send(bob, "unspeakable")
    await bed.simulator.next_push(since, token)
    await bed.until_stored(bob, [])
    log = await bed.log()
    expect("the removal's line", True, f"{token[:8]}" in log)
    expect("the token", False, token in log)
    expect("the text", False, "unspeakable" in log)
    expect("crashes", 0, (await bed.node.counters())["hook_crashed"])


@basic.case
async def answers_to_nothing(bed: Bed) -> None:
    """an <enable/> in an answer nobody asked for changes nothing, crashes nothing and is not logged"""
    bob = await bed.user()
    phone = await bed.online(bob)
    token = new_token()
    for kind in ("result", "error"):
        phone.send_raw(f"<iq type='{kind}' id='{kind}'>"
                       f"<enable xmlns='urn:xmpp:push:0' jid='push.localhost' node='{token}'/></iq>")
    await phone.round_trip()
    expect("tokens", [], await bed.stored(bob))
    log = await bed.log()
    expect("a crashed hook", False, "crashed when running" in log)
    expect("the token", False, token in log)


@basic.case
async def without_resumption(bed: Bed) -> None:
    """a session that is not to be resumed ends with its connection: what it did not acknowledge is pushed, once"""
    bob, alice = await bed.user(), await bed.sender()
    token = new_token()
    for lost in (True, False):
        phone = await bed.phone(bob, resumption=False).login()
        await phone.enable(token)
        await phone.round_trip()
        phone.freeze()
        since = await bed.simulator.end()
        alice.send(bob, "hello")
        await alice.round_trip()
        await bed.settle(bob)
        if lost:
            await phone.vanish()
        else:
            phone.send_raw("</stream:stream>")
        await bed.session_ends(bob)
        expect(f"pushes, connection lost: {lost}", [token] * lost,
               [push.token for push in await bed.pushes(since, bob)])


def patient() -> Bed:
    """A session is given up after a second, its messages go on to offline storage."""
    return Bed({"mod_adhoc": {}, "mod_disco": {}, "mod_offline": {}, "mod_roster": {},
                "mod_stream_mgmt": {"resume_timeout": 1, "resend_on_timeout": True, "ack_timeout": 1}})


reroute = Suite("given-up sessions", patient)


@reroute.case
async def rerouted(bed: Bed) -> None:
    """a message that was pushed for a lost session is not pushed again when it goes to offline storage"""
    bob, alice = await bed.user(), await bed.sender()
    phone, token = await bed.registered(bob)
    await phone.vanish()
    await bed.settle(bob)
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    push = await bed.simulator.next_push(since, token)
    await bed.session_ends(bob)
    before = (await bed.node.counters())["duplicate"]
    expect("duplicates found", True, before > 0)
    expect("pushes after the session's end", [], await bed.pushes(push.sequence + 1, bob))
    again = await bed.online(bob)
    expect("the message", "hello", await again.next_message())


@reroute.case
async def half_open(bed: Bed) -> None:
    """a phone that is gone while its connection stays open gets its push after ack_timeout"""
    bob, alice = await bed.user(), await bed.sender()
    phone, token = await bed.registered(bob)
    await phone.round_trip()
    phone.freeze()
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    push = await bed.simulator.next_push(since, token)
    await bed.session_ends(bob)
    expect("further pushes", [], await bed.pushes(push.sequence + 1, bob))


def full() -> Bed:
    bed = Bed()
    bed.more_config = {"shaper_rules": {"max_user_offline_messages": 1}}
    return bed


full_queue = Suite("full offline queue", full)


@full_queue.case
async def refused(bed: Bed) -> None:
    """a message that no longer fits into the offline queue is no push, and counted"""
    bob, alice = await bed.user(), await bed.sender()
    token = await bed.absent(bob)
    since = await bed.simulator.end()
    alice.send(bob, "fits")
    alice.send(bob, "does not")
    expect("tokens", [token], [push.token for push in await bed.pushes(since, bob)])
    counters = await bed.node.counters()
    expect("messages that the full queue stopped", 1, counters["offline_seen"] - counters["offline_decided"])


if __name__ == "__main__":
    run(basic, reroute, full_queue)
