"""The story of a push, step by step: what `make demo` shows and test/e2e/test_demo.py tests."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from bed import Bed, Phone, Push, Unexpected
from bed.phone import new_token

BOB = "bob@localhost"
ALICE = "alice@localhost"


@dataclass(frozen=True)
class Step:
    """One line of the story, and the push that its phone shows."""

    line: str
    push: Push | None = None


class Story:
    def __init__(self, bed: Bed) -> None:
        self._bed = bed
        self._token = new_token()
        self._bob: Phone
        self._alice: Phone
        self._seen = 1

    async def tell(self) -> AsyncIterator[tuple[str, Callable[[], Awaitable[Step]]]]:
        """Each step by its name, and what does it."""
        for name, step in [
            ("bob registers", self.register),
            ("bob's network fails", self.vanish),
            ("alice writes", self.write),
            ("bob's phone is back", self.resume),
            ("bob logs out", self.logout),
            ("bob is back and uninstalls the app", self.uninstall),
        ]:
            yield name, step

    async def register(self) -> Step:
        for jid in (BOB, ALICE):
            await self._bed.register_account(jid)
        self._alice = await self._bed.online(ALICE, "desk")
        self._bob = await self._bed.online(BOB)
        await self._enable()
        await self._expect_stored([self._token])
        return Step(f"bob's phone is online with stream management and registers its device {self._token[:8]}…")

    async def vanish(self) -> Step:
        await self._bob.vanish()
        await self._bed.settle(BOB)
        return Step("bob's TCP connection is cut without a word; his session waits for him")

    async def write(self) -> Step:
        sent = time.time()
        self._alice.send(BOB, "Are you there?")
        push = await self._next_push()
        ms = push.received_at_us / 1000 - sent * 1000
        return Step(f"alice writes; {ms:.1f} ms later the push is in Apple's journal (status {push.status}):", push)

    async def resume(self) -> Step:
        await self._bob.resume()
        body = await self._bob.next_message()
        await self._expect_no_push("resuming")
        return Step(f"bob resumes his session and reads “{body}”; no second push")

    async def logout(self) -> Step:
        await self._bob.logout()
        await self._bed.settle(BOB)
        self._alice.send(BOB, "Still there?")
        await self._expect_no_push("logging out")
        await self._expect_stored([])
        return Step("bob logs out, and his device had asked to be removed then; alice writes again; no push")

    async def uninstall(self) -> Step:
        self._bob = await self._bed.online(BOB)
        await self._enable()
        await self._bob.vanish()
        await self._bed.settle(BOB)
        await self._bed.simulator.uninstall(self._token)
        self._alice.send(BOB, "And now?")
        push = await self._next_push()
        if push.status != 410:
            raise Unexpected("the answer 410 for an uninstalled app", f"{push.status} {push.reason}")
        await self._bed.until_stored(BOB, [])
        return Step(f"bob registers again and uninstalls the app: Apple answers {push.status} {push.reason}, "
                    "and the device is gone from the database")

    async def stay_away(self) -> str:
        """Bob registers once more, without `remove_on_logout`, and leaves: whoever writes to him now makes his phone ring.
        The device token."""
        token = new_token()
        self._bob = await self._bed.online(BOB)
        await self._bob.enable(token)
        await self._bob.logout()
        await self._bed.settle(BOB)
        return token

    async def _enable(self) -> None:
        await self._bob.enable(self._token, remove_on_logout="true")

    async def _next_push(self) -> Push:
        push = await self._bed.simulator.next_push(self._seen, self._token)
        self._seen = push.sequence + 1
        return push

    async def _expect_no_push(self, after: str) -> None:
        # The server has handled what alice sent, then bob's session, then the library all that it was given.
        await self._alice.round_trip()
        await self._bed.settle(BOB)
        await self._bed.engine_at_rest()
        pushes = await self._bed.simulator.journal(self._seen)
        if pushes:
            raise Unexpected(f"no push after {after}", f"{len(pushes)}, the first: {pushes[0].shown}")

    async def _expect_stored(self, tokens: list[str]) -> None:
        stored = await self._bed.stored(BOB)
        if stored != tokens:
            raise Unexpected(f"{len(tokens)} devices of bob in the database", f"{len(stored)}")
