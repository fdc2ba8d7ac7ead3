"""Rules that a look at the tracked files' text can judge: sizes, Erlang's layout, words and paths that must not be there."""

import re
from collections.abc import Iterator

from .paths import TOP, tracked_files

MAX_LINES = 400
SIZED = (".rs", ".erl", ".hrl", ".py")  # and whatever starts with #!
ALLOWED_SIZES = "tools/file_sizes.allow"
ERLANG = (".erl", ".hrl", ".app.src")
MAX_ERLANG_COLUMNS = 99
# Generated, or a text that is not ours.
FOREIGN = ("Cargo.lock", "COPYING")

# Written in pieces, so that this file does not hold what it forbids.
MACHINE_PATHS = re.compile(r"(?<![\w.])/(" + "wor" + r"k|ro" + r"ot|ho" + r"me/\w+)(?=[/\s\"'`),;:]|$)")
REGISTRY_HOSTS = re.compile(
    r"\b(?:[\w-]+\.)*(?:deb" + r"ian\.org|pyp" + r"i\.org|python" + r"hosted\.org|crat" + r"es\.io|npm" + r"js\.org|he" + r"x\.pm)\b"
)
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b|\b(?:to" + r"do|unimple" + r"mented)!")
VAGUE_NAMES = {"util", "utils", "helper", "helpers", "manager", "common", "misc"}


def _texts(suffixes: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Name and text of the tracked files that end so. Files that are not text are passed over."""
    for name in tracked_files():
        if name.rpartition("/")[2] in FOREIGN or (suffixes and not name.endswith(suffixes)):
            continue
        try:
            yield name, (TOP / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def _found(pattern: re.Pattern[str], sentence: str) -> list[str]:
    return [
        f"{name}:{number}: {found.group(0)!r} {sentence}"
        for name, text in _texts()
        for number, line in enumerate(text.splitlines(), 1)
        if (found := pattern.search(line))
    ]


def allowed_sizes() -> dict[str, str]:
    """Files that may be longer, each with its reason: `path: reason`."""
    lines = (TOP / ALLOWED_SIZES).read_text(encoding="utf-8").splitlines()
    entries = (line.partition(":") for line in lines if line.strip() and not line.startswith("#"))
    return {name.strip(): reason.strip() for name, _, reason in entries}


def file_sizes() -> list[str]:
    """Nobody reads a long file: split it, or write down why it is better whole."""
    allowed = allowed_sizes()
    lengths = {
        name: len(text.splitlines())
        for name, text in _texts()
        if name.endswith(SIZED) or text.startswith("#!")
    }
    problems = [
        f"{name} has {lines} lines, more than {MAX_LINES}: split it, or give the reason in {ALLOWED_SIZES}"
        for name, lines in lengths.items()
        if lines > MAX_LINES and not allowed.get(name)
    ]
    return problems + [
        f"{ALLOWED_SIZES} lists {name}, which is not longer than {MAX_LINES} lines: remove the entry"
        for name in allowed
        if lengths.get(name, 0) <= MAX_LINES
    ]


def file_names() -> list[str]:
    """A file is named by its subject."""
    return [
        f"{name} is named by no subject: what is it about?"
        for name in tracked_files()
        if set(re.split(r"[_.\-]", name.rpartition("/")[2])) & VAGUE_NAMES
    ]


def erlang_layout() -> list[str]:
    """There is no packaged formatter for Erlang, so the little that readers need is checked here."""
    problems = []
    for name, text in _texts(ERLANG):
        for number, line in enumerate(text.splitlines(), 1):
            if "\t" in line:
                problems.append(f"{name}:{number}: a tab; indent by four spaces")
            if len(line) > MAX_ERLANG_COLUMNS:
                problems.append(f"{name}:{number}: {len(line)} columns, more than {MAX_ERLANG_COLUMNS}")
            if line != line.rstrip():
                problems.append(f"{name}:{number}: spaces at the end of the line")
    return problems


def machine_paths() -> list[str]:
    """What works on one machine only does not belong in the repository."""
    return _found(MACHINE_PATHS, "is a path of one machine")


def registry_hosts() -> list[str]:
    """Where packages come from is the machine's configuration, not the repository's."""
    return _found(REGISTRY_HOSTS, "names a package registry's host; name the package and its client instead")


def unfinished() -> list[str]:
    """Unfinished work is a ticket, not a comment."""
    return _found(UNFINISHED, "marks unfinished work: do it, or file it")
