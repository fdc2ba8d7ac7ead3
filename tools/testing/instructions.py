"""How many instructions a push through apns_proto takes: counted by valgrind, compared with what was committed."""

import platform
import re
import subprocess
import tomllib
from dataclasses import dataclass

from .paths import CARGO_TARGET, TOP, environment

VALUES_NAME = "native/apns_bench/instructions.toml"
PUSHES = 100_000
# In the first ones buffers grow, and a key is read; a run of them alone is subtracted.
WARM_UP = 20_000
# Room for another compiler and another libc; what changes a push by more is worth a look.
TOLERANCE_PERCENT = 10
SOURCES = ("json", "map")
LIMIT_S = 1800.0  # a build from nothing is the longest; a count takes seconds

_COLLECTED = re.compile(r"Collected : (\d+)$", re.MULTILINE)


class Incomparable(Exception):
    """The values are for another kind of processor."""


class Failed(Exception):
    """Nothing could be counted or compared, with the sentence why."""


@dataclass(frozen=True)
class Values:
    """Instructions of 100,000 pushes by what they are made from, and with which compiler."""

    rustc: str
    counts: dict[str, int]


def count() -> Values:
    """Builds what is counted, counts, and prints each count."""
    rustc = _output(["rustc", "--version"]).strip()
    _output(["cargo", "build", "--release", "--locked", "-p", "apns_bench", "--example", "proto_alone"])
    counts = {}
    for source in SOURCES:
        counts[source] = _executed(source, WARM_UP + PUSHES) - _executed(source, WARM_UP)
        print(f"instructions_{source}={counts[source]}", flush=True)
        print(f"instructions_{source}_per_push={counts[source] / PUSHES:.0f}", flush=True)
    return Values(rustc, counts)


def compare(found: Values, committed: Values) -> list[str]:
    """A sentence for each count that is too far from its committed value."""
    problems = []
    for source in SOURCES:
        new, old = found.counts[source], committed.counts[source]
        if abs(new - old) * 100 <= old * TOLERANCE_PERCENT:
            continue
        change = (new - old) / old * 100
        advice = (
            "find what made a push dearer; if it has to be so, renew the value"
            if new > old
            else "a push got cheaper, and until the value is renewed the next loss goes unseen"
        )
        problems.append(
            f"{PUSHES:,} pushes from {source} take {new:,} instructions ({new / PUSHES:,.0f} per push), "
            f"{change:+.1f} % from the committed {old:,} ({old / PUSHES:,.0f} per push), "
            f"and {TOLERANCE_PERCENT} % are allowed: {advice}: `tools/instructions --renew`. "
            f"The value was made with {committed.rustc}; this is {found.rustc}."
        )
    return problems


def read() -> Values:
    """The committed values."""
    try:
        return parse((TOP / VALUES_NAME).read_text(encoding="utf-8"), platform.machine())
    except OSError as error:
        raise Failed(f"there is no {VALUES_NAME} ({error.strerror}): `tools/instructions --renew` makes it") from error


def parse(text: str, machine: str) -> Values:
    """The values in a text like that of `render`, if they are for this kind of machine."""
    try:
        table = tomllib.loads(text)
        values = Values(str(table["rustc"]), {source: int(table[source]) for source in SOURCES})
        if table["machine"] != machine:
            raise Incomparable(
                f"the values in {VALUES_NAME} are for {table['machine']}, and {machine} has other instructions: "
                f"they can be compared on {table['machine']} only"
            )
    except (tomllib.TOMLDecodeError, KeyError, ValueError) as error:
        raise Failed(f"{VALUES_NAME} is damaged ({error!r}): `tools/instructions --renew` makes it anew") from error
    return values


def write(values: Values) -> None:
    """Makes these the committed values."""
    (TOP / VALUES_NAME).write_text(render(values, platform.machine()), encoding="utf-8")


def render(values: Values, machine: str) -> str:
    """The file of the values."""
    counts = "".join(f"{source} = {values.counts[source]:_}\n" for source in SOURCES)
    return (
        f"# Instructions of {PUSHES:,} pushes through apns_proto, by what they are made from.\n"
        "# Written by `tools/instructions --renew`; `make test` allows 10 % in either direction.\n"
        f'machine = "{machine}"\n'
        f'rustc = "{values.rustc}"\n'
        f"{counts}"
    )


def _executed(source: str, pushes: int) -> int:
    """All instructions of one run. Where they were spent is kept for callgrind_annotate."""
    folder = CARGO_TARGET / "instructions"
    folder.mkdir(exist_ok=True)
    output = _output([
        "valgrind", "--tool=callgrind", f"--callgrind-out-file={folder / source}.callgrind",
        str(CARGO_TARGET / "release" / "examples" / "proto_alone"), source, str(pushes),
    ])
    found = _COLLECTED.search(output)
    if not found:
        raise Failed(f"valgrind told no count of instructions, but: {output.strip()[-500:]}")
    return int(found.group(1))


def _output(command: list[str]) -> str:
    try:
        # Flags of this machine's user would make other code: the values are for cargo's own.
        done = subprocess.run(
            command, cwd=TOP, env=environment() | {"RUSTFLAGS": ""}, check=False, timeout=LIMIT_S,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
    except FileNotFoundError as error:
        raise Failed(f"there is no {command[0]}: run `make setup` first") from error
    except subprocess.TimeoutExpired as error:
        raise Failed(f"`{' '.join(command[:3])}` did not end within {LIMIT_S:.0f} s") from error
    if done.returncode:
        raise Failed(f"`{' '.join(command[:3])}` failed:\n{done.stdout}")
    return done.stdout
