"""Reads how many tests passed, failed and were skipped from what a test runner printed."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """Results of some tests. Adding two gives the results of both."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"

    @property
    def total(self) -> int:
        return self.passed + self.failed + self.skipped


Parser = Callable[[str], Counts]

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_CARGO = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;")
_PLAIN = re.compile(r"^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$")
_EUNIT = re.compile(r"^(\d+) tests?, (\d+) failures?(?:, (\d+) skipped)?(?:, (\d+) cancelled)?$")
_CT_ALL = re.compile(r"^All (\d+) tests passed\.")
_CT_WORD = re.compile(r"\b(Failed|Skipped|Passed) (\d+)\b")
_UNITTEST_RAN = re.compile(r"^Ran (\d+) tests? in ")
_UNITTEST_END = re.compile(r"^(?:OK|FAILED)(?: \((.*)\))?$")


def _lines(output: str) -> Iterable[str]:
    return (line.strip() for line in _COLOUR.sub("", output).splitlines())


def _number(text: str | None) -> int:
    return int(text) if text else 0


def cargo(output: str) -> Counts:
    """Adds the `test result:` lines of all test binaries and doc tests. An ignored test counts as skipped."""
    total = Counts()
    for line in _lines(output):
        if found := _CARGO.match(line):
            total += Counts(*map(int, found.groups()))
    return total


def plain(output: str) -> Counts:
    """The last closing line `N passed, N failed, N skipped`."""
    last = Counts()
    for line in _lines(output):
        if found := _PLAIN.match(line):
            last = Counts(*map(_number, found.groups()))
    return last


def unittest(output: str) -> Counts:
    """Python's own runner: `Ran 7 tests in 0.1s` and `FAILED (failures=1, errors=1, skipped=2)`."""
    total = Counts()
    ran = 0
    for line in _lines(output):
        if found := _UNITTEST_RAN.match(line):
            ran = int(found.group(1))
        elif found := _UNITTEST_END.match(line):
            numbers = dict(re.findall(r"([a-z ]+)=(\d+)", found.group(1) or ""))
            numbers = {name.strip(): int(number) for name, number in numbers.items()}
            failed = numbers.get("failures", 0) + numbers.get("errors", 0) + numbers.get("unexpected successes", 0)
            skipped = numbers.get("skipped", 0)
            total += Counts(max(0, ran - failed - skipped), failed, skipped)
            ran = 0
    return total


def python(output: str) -> Counts:
    """A Python test program: its plain closing line, or else unittest's."""
    counts = plain(output)
    return counts if counts.total else unittest(output)


def eunit(output: str) -> Counts:
    """`rebar3 eunit`: `12 tests, 1 failures, 1 skipped`. A cancelled test was not judged, so it counts as failed."""
    total = Counts()
    for line in _lines(output):
        if found := _EUNIT.match(line):
            ran, failed, skipped, cancelled = map(_number, found.groups())
            total += Counts(ran - failed, failed + cancelled, skipped)
    return total


def common_test(output: str) -> Counts:
    """`rebar3 ct`: `All 5 tests passed.` or `Failed 1 tests. Skipped 2 (2, 0) tests. Passed 3 tests.`"""
    total = Counts()
    for line in _lines(output):
        if found := _CT_ALL.match(line):
            total += Counts(passed=int(found.group(1)))
        elif line.startswith(("Failed ", "Skipped ", "Passed ")) and line.endswith("tests."):
            words = {word.lower(): int(number) for word, number in _CT_WORD.findall(line)}
            total += Counts(**words)
    return total
