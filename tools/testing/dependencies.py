"""Which crate may stand on which: the separations of the design, read from cargo's own dependency trees."""

import json
import re
import subprocess

from .paths import TOP, environment

# Anything that does IO, keeps time, draws randomness or brings a runtime has no place under the pure protocols.
IMPURE = {
    "mio", "tokio", "rustls", "ring", "getrandom", "socket2", "rustler", "hyper", "h2",
    "polling", "async-io", "smol", "native-tls", "openssl", "aws-lc-rs", "rand", "fastrand", "crossbeam-channel",
}
RUNTIMES = {"tokio", "async-std", "smol", "async-io", "hyper", "h2"}

FORBIDDEN: dict[str, tuple[set[str], str]] = {
    "apns_proto": (IMPURE, "apns_proto is sans-IO: time, randomness and bytes are handed to it"),
    "apns_engine": (RUNTIMES | {"rustler"}, "the engine is one readiness loop and knows no Erlang term"),
    "apns_nif": (RUNTIMES | {"apns_sim"}, "the shipped library has no async runtime"),
    "apns_sim": (
        {"apns_proto", "apns_engine", "rustler"},
        "the simulator shares no code with what it judges, else both err alike",
    ),
    "apns_bench": (
        {"apns_proto", "apns_engine", "apns_sim", "rustler"},
        "the benchmarks' server is as far from us as from those we are compared with",
    ),
}

# Licences of which one suffices: each may be part of a program under GPL-2.0-or-later (Apache-2.0 by way of version 3).
LICENCES = {
    "MIT", "MIT-0", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "0BSD", "CC0-1.0", "Unlicense", "BSL-1.0",
    "Unicode-3.0", "CDLA-Permissive-2.0", "GPL-2.0-or-later",
}
# Two TLS providers in one library would leave it to chance which one rustls takes.
OTHER_PROVIDERS = {"aws-lc-rs", "aws-lc-sys", "openssl", "openssl-sys", "native-tls", "graviola"}


def separations() -> list[str]:
    """Normal dependencies only: what tests use is free."""
    problems = []
    for crate, (forbidden, reason) in FORBIDDEN.items():
        try:
            found = _tree(crate) & forbidden
        except subprocess.CalledProcessError as error:
            problems.append(f"cargo cannot tell the dependencies of {crate}: {error.stderr.strip()}")
            continue
        problems += [f"{crate} depends on {name}: {reason}" for name in sorted(found)]
    return problems


def packages() -> list[str]:
    """Licences and TLS providers of all that Cargo.lock names, tests included."""
    listed = subprocess.run(
        ["cargo", "metadata", "--locked", "--format-version", "1"],
        cwd=TOP, env=environment(), check=False, capture_output=True, text=True,
    )
    if listed.returncode:
        return [f"Cargo.lock does not fit Cargo.toml: {listed.stderr.strip()}"]
    problems = []
    for package in json.loads(listed.stdout)["packages"]:
        name, licence = package["name"], package["license"] or ""
        if name in OTHER_PROVIDERS:
            problems.append(f"{name} is a second TLS provider; ring is the one")
        if not may_be_used(licence):
            problems.append(f"{name} is under {licence or 'no licence'}, which the list in {__name__} does not have")
    return problems


def may_be_used(expression: str) -> bool:
    """Whether an SPDX expression can be met: one licence of each part that AND joins. `/` is an old way to write OR."""
    parts = re.split(r"\s+AND\s+", expression.replace("(", "").replace(")", ""))
    return all(set(re.split(r"\s+OR\s+|\s*/\s*", part)) & LICENCES for part in parts)


def _tree(crate: str) -> set[str]:
    listed = subprocess.run(
        ["cargo", "tree", "--locked", "-p", crate, "-e", "normal", "--prefix", "none", "--format", "{p}"],
        cwd=TOP, env=environment(), check=True, capture_output=True, text=True,
    )
    return {line.split()[0] for line in listed.stdout.splitlines() if line.strip()}
