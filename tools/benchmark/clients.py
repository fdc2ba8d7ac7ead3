"""The clients that are compared: how each is called, how much it is given to do, and how its words are judged."""

import base64
import random
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from testing.paths import CARGO_TARGET, TOP

from .process import Failure

OUT = CARGO_TARGET / "bench"
PEERS = TOP / "native" / "apns_bench" / "peers"


@dataclass(frozen=True)
class Share:
    """How much of the load a client is given: the slow ones less, so that the whole ends in time."""

    warm_up: int
    pushes: int


@dataclass(frozen=True)
class Call:
    """Where and how a client pushes. The folder holds the load and the credentials."""

    port: int
    folder: Path
    streams: int
    share: Share

    def arguments(self) -> list[str]:
        """As most of them take these; told in the crate `peer`."""
        numbers = (self.streams, self.share.warm_up, self.share.pushes)
        return [str(self.port), str(self.folder), *map(str, numbers)]


@dataclass(frozen=True)
class Client:
    """One of them. `shares` is by streams.

    `judge` is for those that push and end, without a word after the warm-up: it gets all that they said, and fails unless
    every answer was 200. `not_with_h2o` is the reason why a client cannot be checked with h2o.
    """

    name: str
    shares: dict[int, Share]
    line: Callable[[Call], list[str]]
    version: Callable[[], str]
    judge: Callable[[str, Share], None] | None = None
    not_with_h2o: str = ""


def _rust(name: str) -> Callable[[Call], list[str]]:
    return lambda call: [str(OUT / "peers" / "release" / name), *call.arguments()]


def _ours(kind: str) -> Callable[[Call], list[str]]:
    folders = [str(OUT / "apns_nif" / "ebin"), str(OUT / "ebin")]
    line = ["erl", "-noshell", "-pa", *folders, "-s", "bench_peer", "main", "-extra", kind]
    return lambda call: [*line, *call.arguments()]


def _engine_alone(call: Call) -> list[str]:
    # Its warm-up is its own, and as long.
    return [str(CARGO_TARGET / "release/examples/engine_alone"), str(call.port), str(call.folder), str(call.share.pushes)]


def _node(call: Call) -> list[str]:
    return ["node", str(OUT / "node" / "push.mjs"), *call.arguments()]


def _python(call: Call) -> list[str]:
    return [str(OUT / "python" / "bin" / "python"), str(PEERS / "python" / "push.py"), *call.arguments()]


def _h2load(call: Call) -> list[str]:
    return [
        "h2load", "--clients=1", "--threads=1", f"--requests={call.share.warm_up + call.share.pushes}",
        f"--max-concurrent-streams={call.streams}", f"--input-file={call.folder / 'paths'}",
        f"--base-uri=https://127.0.0.1:{call.port}", f"--data={call.folder / 'payload.json'}",
        *(f"--header={name}: {value}" for name, value in HEADERS.items()), f"--header=authorization: bearer {_bearer()}",
    ]


def _bearer() -> str:
    """As long as a provider token and of the same letters. h2load signs nothing, and nobody here checks."""

    def part(text: bytes) -> str:
        return base64.urlsafe_b64encode(text).decode().rstrip("=")

    header, claims = b'{"alg":"ES256","kid":"BENCHKEY01"}', b'{"iss":"BENCHTEAM1","iat":1700000000}'
    return ".".join(map(part, (header, claims, random.Random(2).randbytes(64))))


def _judge_h2load(said: str, share: Share) -> None:
    answers = re.search(r"status codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx", said)
    if not answers or int(answers[1]) != share.warm_up + share.pushes:
        raise Failure(f"h2load did not have 200 for all: {' '.join(re.findall('(?:requests|status codes): .*', said))}")


def _judge_engine(said: str, _share: Share) -> None:
    # It ends with another status than 0 at the first push that is not accepted.
    if "cpu_us=" not in said:
        raise Failure(f"engine_alone said: {said}")


def _pinned(file: str, pattern: str) -> Callable[[], str]:
    """The version that a file of the peers' names."""
    return lambda: re.search(pattern, (PEERS / file).read_text(encoding="utf-8"))[1]


def _of_program(*line: str) -> Callable[[], str]:
    def version() -> str:
        try:
            said = subprocess.run(line, capture_output=True, check=False, text=True).stdout
        except OSError as error:
            raise Failure(f"there is no {line[0]}: {error.strerror}") from error
        return re.search(r"[0-9]+(\.[0-9]+)+", said)[0]

    return version


HEADERS = {
    "apns-topic": "im.example.chat",
    "apns-push-type": "alert",
    "apns-priority": "10",
    "apns-expiration": "4000000000",
}

FULL = Share(50_000, 400_000)
THEIRS = Share(50_000, 300_000)
# Without TCP_NODELAY each round of 100 streams waits for a delayed acknowledgement: 2,300 pushes in a second.
NAGLE = Share(2_000, 20_000)
# No program gets faster there by running longer.
PYTHON = Share(10_000, 30_000)

LIBRARY = _pinned("../../../Cargo.toml", r'(?s)\[workspace\.package\]\s+version = "([^"]+)"')
OURS = Client("ours, finished JSON", {1000: FULL, 100: FULL}, _ours("json"), LIBRARY)
H2LOAD = Client("h2load", {1000: THEIRS, 100: THEIRS}, _h2load, _of_program("h2load", "--version"), _judge_h2load)
A2 = Client(
    "a2", {1000: Share(50_000, 100_000), 100: NAGLE}, _rust("a2_peer"), _pinned("Cargo.lock", r'name = "a2"\nversion = "(.+)"')
)
ALL = (
    OURS,
    Client("ours, map", {1000: FULL, 100: FULL}, _ours("map"), LIBRARY),
    Client("ours, engine alone (Rust)", {1000: FULL, 100: FULL}, _engine_alone, LIBRARY, _judge_engine),
    H2LOAD,
    A2,
    Client(
        "apns-h2", {1000: Share(50_000, 100_000), 100: NAGLE}, _rust("apns_h2_peer"),
        _pinned("Cargo.lock", r'name = "apns-h2"\nversion = "(.+)"'),
    ),
    Client(
        "@parse/node-apn", {1000: Share(50_000, 100_000), 100: Share(50_000, 100_000)}, _node,
        _pinned("node/package.json", r'"@parse/node-apn": "(.+)"'),
    ),
    Client(
        "aioapns", {1000: PYTHON, 100: PYTHON}, _python, _pinned("python/requirements.txt", "aioapns==(.+)"),
        not_with_h2o="it takes every DATA frame for JSON, and h2o ends each answer with an empty one",
    ),
)
