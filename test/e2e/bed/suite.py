"""Runs cases on shared testbeds: starting ejabberd for each of many small cases would take most of the time.

A case is an async function that takes the bed; the first line of its doc string is the promise it tests. Cases share a
bed and no user, so one that fails does not disturb the next.
"""

import asyncio
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from .machine import Bed
from .paths import require_built
from .waiting import Unexpected

Case = Callable[[Bed], Awaitable[None]]

# Seconds for one case: its waits have deadlines of their own, this is for what has none.
CASE_LIMIT_S = 180.0


@dataclass
class Suite:
    """Cases that share a testbed; `make` makes it."""

    name: str
    make: Callable[[], Bed]
    cases: list[Case] = field(default_factory=list)

    def case(self, function: Case) -> Case:
        self.cases.append(function)
        return function


class Score:
    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    def add(self, suite: Suite, promise: str, error: BaseException | None, bed: Bed | None) -> None:
        print(f"{'ok  ' if error is None else 'FAIL'} {suite.name}: {promise}", flush=True)
        if error is None:
            self.passed += 1
            return
        self.failed += 1
        if isinstance(error, Unexpected):
            print(f"     expected: {error.expected}\n     came:     {error.came}")
        traceback.print_exception(error, limit=-4, file=sys.stdout)
        if bed is not None:
            print("     ejabberd's log ends with:\n" + "\n".join(
                f"       {line}" for line in bed.node.log_text().splitlines()[-25:]), flush=True)


def promise_of(case: Case) -> str:
    return (case.__doc__ or case.__name__).strip().splitlines()[0]


async def _run_suite(suite: Suite, only: list[str], score: Score) -> None:
    chosen = [case for case in suite.cases if not only or case.__name__ in only]
    if not chosen:
        return
    bed: Bed | None = None
    try:
        async with suite.make() as bed:
            for case in chosen:
                error: BaseException | None = None
                try:
                    await asyncio.wait_for(case(bed), CASE_LIMIT_S)
                except (Exception, asyncio.TimeoutError) as caught:  # noqa: BLE001  a case may fail in any way
                    error = caught
                score.add(suite, promise_of(case), error, bed)
    except (Exception, asyncio.TimeoutError) as caught:  # noqa: BLE001  so may the start of a bed
        score.add(suite, "the testbed starts", caught, bed)


async def _run(suites: list[Suite], only: list[str], together: int) -> Score:
    score = Score()
    room = asyncio.Semaphore(together)

    async def in_turn(suite: Suite) -> None:
        async with room:
            await _run_suite(suite, only, score)

    await asyncio.gather(*(in_turn(suite) for suite in suites))
    return score


def run(*suites: Suite, more: Callable[[], Awaitable[tuple[int, int]]] | None = None, together: int = 1) -> None:
    """Runs all cases, or those named on the command line; the last line counts them. `more` is for cases that need no
    bed or several: it prints its own lines and returns how many passed and failed. `together`: beds at a time."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        # As an exception, so that the bed under way is put away. Under nohup the end of the terminal does not count.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        require_built()
        score = asyncio.run(_run(list(suites), sys.argv[1:], together))
        if more is not None and sys.argv[1:] in ([], [more.__name__]):
            passed, failed = asyncio.run(more())
            score.passed += passed
            score.failed += failed
    except FileNotFoundError as missing:
        sys.exit(str(missing))
    print(f"{score.passed} passed, {score.failed} failed", flush=True)
    sys.exit(1 if score.failed or not score.passed else 0)


def expect(what: str, expected: object, came: object) -> None:
    if expected != came:
        raise Unexpected(f"{what}: {expected!r}", repr(came))
