"""The ad-hoc commands (XEP-0050) by which devices come and go."""

import base64

from bed import Bed
from bed.phone import fields_of, new_token, refusal
from bed.simulator import TOPIC
from bed.suite import Suite, expect, run

MODULES = {"mod_adhoc": {}, "mod_disco": {}, "mod_offline": {}, "mod_version": {}, "mod_stream_mgmt": {"resume_timeout": 300}}

adhoc = Suite("ad-hoc commands", lambda: Bed(MODULES))


@adhoc.case
async def register(bed: Bed) -> None:
    """register-push-apns takes hex and base64, answers with jid, node and secret, and pushes work at once"""
    bob, alice = await bed.user(), await bed.sender()
    phone = await bed.online(bob)
    hex_token, raw_token = new_token(), new_token()
    answer = await phone.command("register-push-apns", {"token": hex_token, "device-name": "Bob's phone"})
    form = fields_of(answer.xml)
    expect("jid", "push.localhost", form["jid"])
    expect("node and secret", True, bool(form["node"] and form["secret"]))
    base64_token = base64.b64encode(bytes.fromhex(raw_token)).decode()
    await phone.command("register-push-apns-h2", {"token": base64_token, "backend_ref": TOPIC})
    expect("tokens", sorted([hex_token, raw_token]), sorted(await bed.stored(bob)))
    await phone.vanish()
    await bed.settle(bob)
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    expect("pushes", sorted([hex_token, raw_token]), sorted(push.token for push in await bed.pushes(since, bob)))


@adhoc.case
async def enable_afterwards(bed: Bed) -> None:
    """the node and secret of a command's answer may be enabled; with another secret they may not"""
    bob, carol = await bed.user(), await bed.user("carol")
    phone, other = await bed.online(bob), await bed.online(carol)
    token = new_token()
    form = fields_of((await phone.command("register-push-apns", {"token": token})).xml)
    await phone.enable(form["node"], secret=form["secret"], remove_on_logout="true")
    expect("wrong secret", "forbidden", (await phone.enable_refused(form["node"], secret="guess"))[0])
    expect("another user's node", "item-not-found",
           (await other.enable_refused(form["node"], secret=form["secret"]))[0])
    expect("tokens", [token], await bed.stored(bob))
    await phone.logout()
    await bed.until_stored(bob, [])


@adhoc.case
async def both_tokens_by_command(bed: Bed) -> None:
    """what <enable/> with the answer's node says holds for both tokens of the phone"""
    bob = await bed.user()
    phone = await bed.online(bob)
    tokens = sorted([new_token(), new_token()])
    for device_id in ({}, {"device-id": "phone"}):
        request = {"token": tokens[0], "voip-token": tokens[1]} | device_id
        form = fields_of((await phone.command("register-push-apns", request)).xml)
        await phone.enable(form["node"], secret=form["secret"])
        expect("tokens", tokens, sorted(await bed.stored(bob)))
        expect("kinds", ["alert", "voip"], sorted(device["kind"] for device in await phone.devices()))
        await phone.disable(form["node"])
        expect("tokens after disable", [], await bed.stored(bob))
    form = fields_of((await phone.command("register-push-apns", request)).xml)
    await phone.enable(form["node"], remove_on_logout="true")
    await phone.logout()
    await bed.until_stored(bob, [])


@adhoc.case
async def list_and_unregister(bed: Bed) -> None:
    """list-push-registrations tells names and nodes, no tokens; unregister-push takes node, device id, or nothing"""
    bob = await bed.user()
    phone = await bed.online(bob)
    tokens = [new_token() for _ in range(3)]
    for number, token in enumerate(tokens):
        await phone.command("register-push-apns", {"token": token, "device-id": f"d{number}", "device-name": f"n{number}"})
    devices = sorted(await phone.devices(), key=lambda device: device["device-name"])
    expect("names", ["n0", "n1", "n2"], [device["device-name"] for device in devices])
    expect("tokens in the list", False, any(token in repr(devices) for token in tokens))
    await phone.command("unregister-push", {"nodes": devices[0]["node"]})
    expect("tokens", sorted(tokens[1:]), sorted(await bed.stored(bob)))
    await phone.command("unregister-push", {"device-id": "d1"})
    expect("tokens", tokens[2:], await bed.stored(bob))
    await phone.command("unregister-push")
    expect("tokens", [], await bed.stored(bob))
    answer = await phone.command("unregister-push", {"devise-id": "d1"}, expect_error=True)
    expect("a mistyped field", "bad-request", refusal(answer)[0])
    answer = await phone.command("unregister-push", {"device-id": "d1"}, expect_error=True)
    expect("not there", ("item-not-found", "You have no such device"), refusal(answer))
    await phone.command("unregister-push")
    await phone.disable()
    for node in ("register-push-apns", "unregister-push", "list-push-registrations"):
        info = await phone.ask(f"<query xmlns='http://jabber.org/protocol/disco#info' node='{node}'/>", "get", "localhost")
        expect(f"what {node} is", "command-node", info.xml.find(".//{*}identity").get("type"))


@adhoc.case
async def odd_requests(bed: Bed) -> None:
    """a form is offered to who sends none; other actions, wrong forms and other servers' users are refused"""
    bob = await bed.user()
    phone = await bed.online(bob)
    answer = await phone.command("register-push-apns")
    expect("fields of the form", True, {"token", "app", "device-id"} <= set(fields_of(answer.xml)))
    await phone.command("register-push-apns", action="cancel")
    expect("action next", "bad-request", refusal(await phone.command("unregister-push", action="next", expect_error=True))[0])
    condition, text = refusal(await phone.command("register-push-apns", {"token": "%%%"}, expect_error=True))
    expect("condition", "not-acceptable", condition)
    expect("text", "This is no device token: 1 to 100 bytes in hex, or 32 to 100 in base64", text)
    condition, text = refusal(await phone.command("register-push-apns", {"x": "y"}, expect_error=True))
    expect("condition", "bad-request", condition)
    await phone.ask("<command xmlns='http://jabber.org/protocol/commands' node='register-push-apns' action='nonsense'/>",
                    to="localhost", expect_error=True)
    await phone.command("no-such-command", expect_error=True)
    expect("tokens", [], await bed.stored(bob))


if __name__ == "__main__":
    run(adhoc)
