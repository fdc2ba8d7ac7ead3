"""Which crate may stand on which: the separations of the design, read from cargo's own dependency trees."""

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
}


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


def _tree(crate: str) -> set[str]:
    listed = subprocess.run(
        ["cargo", "tree", "--locked", "-p", crate, "-e", "normal", "--prefix", "none", "--format", "{p}"],
        cwd=TOP, env=environment(), check=True, capture_output=True, text=True,
    )
    return {line.split()[0] for line in listed.stdout.splitlines() if line.strip()}
