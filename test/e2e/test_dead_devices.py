"""What Apple's refusals do to devices, and what they do not."""

from bed import Bed
from bed.suite import Suite, expect, run

dead = Suite("dead devices", lambda: Bed())


@dead.case
async def unregistered(bed: Bed) -> None:
    """410 removes the device, unless it was registered again after Apple's time"""
    bob, alice = await bed.user(), await bed.sender()
    token = await bed.absent(bob)
    await bed.simulator.uninstall(token, timestamp_ms=1_700_000_000_000)
    since = await bed.simulator.end()
    alice.send(bob, "answered with an old 410")
    push = (await bed.pushes(since, bob))[0]
    expect("status", 410, push.status)
    expect("tokens", [token], await bed.stored(bob))
    await bed.simulator.uninstall(token)
    alice.send(bob, "answered with a new 410")
    await bed.until_stored(bob, [])


@dead.case
async def bad_token(bed: Bed) -> None:
    """BadDeviceToken removes the device; the user's other device stays"""
    bob, alice = await bed.user(), await bed.sender()
    bad, good = await bed.absent(bob), await bed.absent(bob)
    await bed.simulator.script({"token": bad, "reason": "BadDeviceToken"})
    alice.send(bob, "hello")
    await bed.until_stored(bob, [good])


@dead.case
async def other_rejections(bed: Bed) -> None:
    """a rejection that is not about the token removes nothing"""
    bob, alice = await bed.user(), await bed.sender()
    token = await bed.absent(bob)
    since = await bed.simulator.end()
    await bed.simulator.script({"token": token, "reason": "PayloadTooLarge", "times": 1})
    alice.send(bob, "hello")
    expect("pushes", 1, len(await bed.pushes(since, bob)))
    expect("tokens", [token], await bed.stored(bob))


# A bed of its own: refusals in a row are counted per app.
doubted = Suite("refusals in a row", Bed)


@doubted.case
async def wrong_environment(bed: Bed) -> None:
    """one device token after another refused is the app's fault: it pauses, says so, and no device goes"""
    alice = await bed.sender()
    await bed.simulator.script({"reason": "BadDeviceToken"})
    refused = [(bob := await bed.user(), await bed.absent(bob)) for _ in range(12)]
    for bob, _ in refused:
        alice.send(bob, "hello")
    await bed.until_logged("Apple refuses one device token after another: check topic and environment")
    await bed.until_logged("is paused")
    await bed.settle()
    for bob, token in refused:
        expect(f"tokens of {bob}", [token], await bed.stored(bob))
    expect("alarms", 1, (await bed.log()).count("alarm configuration"))


if __name__ == "__main__":
    run(dead, doubted)
