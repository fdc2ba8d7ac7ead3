"""The checks of `make check`. Each gives the sentences of what is wrong; none means it holds."""

from collections.abc import Callable
from typing import TextIO

from . import command

Check = Callable[[TextIO], list[str]]


def _command(line: list[str], advice: str, limit_s: float = 1800, env: dict[str, str] | None = None) -> Check:
    """A check that holds when a command exits 0; `advice` tells what to do when it does not."""

    def check(log: TextIO) -> list[str]:
        finished = command.run(line, limit_s, log, env)
        return [f"{finished.problem}: {advice}"] if finished.problem else []

    return check


CHECKS: dict[str, Check] = {
    "rustfmt": _command(["cargo", "fmt", "--all", "--check"], "`make fmt` formats the sources"),
    "clippy": _command(
        ["cargo", "clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"],
        "clippy's warnings are errors here",
    ),
    "rustdoc": _command(
        ["cargo", "doc", "--workspace", "--no-deps", "--locked", "--document-private-items"],
        "rustdoc's warnings are errors here",
        env={"RUSTDOCFLAGS": "-D warnings"},
    ),
}
