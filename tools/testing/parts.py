"""The parts of `make test`, in their order: what each runs, how long it may take, how its results are read."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from . import counts
from .checks import CHECKS
from .command import run
from .counts import Counts, Parser
from .paths import TOP, VENV_PYTHON

MINUTE_S = 60.0


@dataclass
class Report:
    """What a part came to: its counts and a sentence for each thing that went wrong."""

    counts: Counts = Counts()
    problems: list[str] = field(default_factory=list)

    def failure(self, sentence: str) -> None:
        self.counts += Counts(failed=1)
        self.problems.append(sentence)


@dataclass(frozen=True)
class Part:
    name: str
    run: Callable[[TextIO], Report]


def counted(command: list[str], parser: Parser, limit_s: float, log: TextIO, by_status: bool = False) -> Report:
    """Runs a test program. One that crashed, or that counted nothing, is a failure whatever else it said.

    `by_status`: a program that tells no counts is one test, judged by its exit status.
    """
    finished = run(command, limit_s, log)
    report = Report(parser(finished.output))
    if finished.problem and report.counts.failed == 0:
        report.failure(finished.problem)
    elif finished.problem:
        report.problems.append(finished.problem)
    elif report.counts.total == 0 and by_status:
        report.counts = Counts(passed=1)
    elif report.counts.total == 0:
        report.failure(f"`{' '.join(command[:3])}` ran no test, or its closing line was not understood")
    return report


def build(log: TextIO) -> Report:
    """The build counts as one test: without it the others would judge what an older build left."""
    finished = run(["tools/build", "--all"], 30 * MINUTE_S, log)
    report = Report()
    if finished.problem:
        report.failure(finished.problem)
    else:
        report.counts = Counts(passed=1)
    return report


def check(log: TextIO) -> Report:
    """All checks, each counted as one."""
    report = Report()
    for name in CHECKS:
        one = single_check(name, log)
        report.counts += one.counts
        report.problems += [f"{name}: {problem}" for problem in one.problems]
    return report


def single_check(name: str, log: TextIO) -> Report:
    """One check of `make check`."""
    report = Report()
    problems = CHECKS[name](log)
    if problems:
        report.failure(problems[0])
        report.problems += problems[1:]
    else:
        report.counts = Counts(passed=1)
    print(f"check {name}: {'failed' if problems else 'ok'}", flush=True)
    return report


def cargo(log: TextIO) -> Report:
    """Unit, integration and doc tests of all crates."""
    command = ["cargo", "test", "--workspace", "--locked", "--no-fail-fast"]
    return counted(command, counts.cargo, 30 * MINUTE_S, log)


def instructions(log: TextIO) -> Report:
    """What a push costs, in instructions: the one measurement that other work on the machine cannot move."""
    return counted(["tools/instructions"], counts.plain, 30 * MINUTE_S, log, by_status=True)


def programs(folder: str, log: TextIO) -> Report:
    """Every Python program directly in a folder: what starts with `#!` or is named `test_*.py`. The rest is imported."""
    report = Report()
    for program in sorted((TOP / folder).glob("*.py")):
        if program.name.startswith("test_") or program.read_bytes().startswith(b"#!"):
            one = program_report(program, log)
            report.counts += one.counts
            report.problems += one.problems
    if report.counts.total == 0:
        report.failure(f"{folder} has no test program")
    return report


def program_report(program: Path, log: TextIO) -> Report:
    """A `test_*.py` has to count; another program may be a single comparison."""
    by_status = not program.name.startswith("test_")
    command = [str(VENV_PYTHON), str(program.relative_to(TOP))]
    return counted(command, counts.python, 15 * MINUTE_S, log, by_status)


def tools(log: TextIO) -> Report:
    """The runner judges all others, so its own reading of results is tested too."""
    return counted(["python3", "-m", "unittest", "discover", "-s", "tools/testing", "-t", "tools"],
                   counts.unittest, MINUTE_S, log)


def eunit(log: TextIO) -> Report:
    """The Erlang unit and property tests."""
    return counted(["rebar3", "eunit"], counts.eunit, 10 * MINUTE_S, log)


def common_test(log: TextIO) -> Report:
    """The Erlang suites: the library in a BEAM, against the simulator."""
    return counted(["rebar3", "ct"], counts.common_test, 20 * MINUTE_S, log)


def demo(log: TextIO) -> Report:
    """What a newcomer runs first has to work, too."""
    return counted([str(VENV_PYTHON), "test/demo"], counts.plain, 5 * MINUTE_S, log, by_status=True)


PARTS = [
    Part("build", build),
    Part("tools", tools),
    Part("check", check),
    Part("cargo", cargo),
    Part("instructions", instructions),
    Part("interop", lambda log: programs("test/interop", log)),
    Part("eunit", eunit),
    Part("ct", common_test),
    Part("e2e", lambda log: programs("test/e2e", log)),
    Part("sql", lambda log: programs("test/sql", log)),
    Part("demo", demo),
]


def find(name: str) -> Part | None:
    """The part of that name, or one check alone."""
    for part in PARTS:
        if part.name == name:
            return part
    if name in CHECKS:
        return Part(name, lambda log: single_check(name, log))
    return None
