"""The checks of `make check`. Each gives the sentences of what is wrong; none means it holds."""

import py_compile
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from . import command, dependencies, sources
from .paths import TOP, tracked_files

Check = Callable[[TextIO], list[str]]


def _command(line: list[str], advice: str, env: dict[str, str] | None = None) -> Check:
    """A check that holds when a command exits 0; `advice` tells what to do when it does not."""

    def check(log: TextIO) -> list[str]:
        finished = command.run(line, 1800, log, env)
        return [f"{finished.problem}: {advice}"] if finished.problem else []

    return check


def _rule(rule: Callable[[], list[str]]) -> Check:
    """A check of our own; its sentences are printed, since no tool did so."""

    def check(log: TextIO) -> list[str]:
        problems = rule()
        for problem in problems:
            print(problem, flush=True)
            print(problem, file=log)
        return problems

    return check


def _scripts(interpreter: str, suffix: str) -> list[str]:
    """Tracked programs in one language, known by suffix or by their first line."""
    found = []
    for name in tracked_files():
        with (TOP / name).open("rb") as file:
            first = file.readline(80)
        if name.endswith(suffix) or (first.startswith(b"#!") and interpreter.encode() in first):
            found.append(name)
    return found


def shell_scripts(log: TextIO) -> list[str]:
    """What the shell would do wrong only on a path with a space or an unset variable."""
    if not shutil.which("shellcheck"):
        return ["shellcheck is missing; `make setup` installs it"]
    line = ["shellcheck", "--severity=style", *_scripts("bash", ".sh")]
    return _command(line, "shellcheck's page for each code says what to write instead")(log)


def python_programs() -> list[str]:
    """A program that is run once a week must at least be a program."""
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        for name in _scripts("python3", ".py"):
            try:
                py_compile.compile(str(TOP / name), cfile=str(Path(folder) / "out"), doraise=True)
            except py_compile.PyCompileError as error:
                problems.append(error.msg.strip())
    return problems


CHECKS: dict[str, Check] = {
    "file_sizes": _rule(sources.file_sizes),
    "file_names": _rule(sources.file_names),
    "erlang_layout": _rule(sources.erlang_layout),
    "machine_paths": _rule(sources.machine_paths),
    "registry_hosts": _rule(sources.registry_hosts),
    "unfinished": _rule(sources.unfinished),
    "shellcheck": shell_scripts,
    "python": _rule(python_programs),
    "packages": _rule(dependencies.packages),
    "separations": _rule(dependencies.separations),
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
    "xref": _command(["rebar3", "xref"], "a call that no loaded code answers, or code that nothing calls"),
    "dialyzer": _command(["rebar3", "dialyzer"], "dialyzer's warnings are errors here"),
    "edoc": _command(["rebar3", "edoc"], "edoc cannot make the documentation"),
}
