"""Waiting for events, with a deadline and a sentence."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")

# Far more than any step takes, on a busy machine too: only a failure waits so long.
DEADLINE_S = 30.0


class Unexpected(AssertionError):
    """What was expected did not come."""

    def __init__(self, expected: str, came: str) -> None:
        super().__init__(f"expected: {expected}; came: {came}")
        self.expected = expected
        self.came = came


async def within(awaitable: Awaitable[T], expected: str, seconds: float = DEADLINE_S) -> T:
    """The result, or the sentence that it did not come in time."""
    try:
        return await asyncio.wait_for(awaitable, seconds)
    except (TimeoutError, asyncio.TimeoutError) as error:
        raise Unexpected(expected, f"nothing for {seconds:.0f} s") from error
