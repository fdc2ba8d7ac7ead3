"""The clients that are measured: how each is called, how much it is given to do, and how its words are judged."""

import base64
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from testing.paths import CARGO_TARGET

from . import measure
from .process import Failure, Program
from .sink import Sink

OUT = CARGO_TARGET / "bench"
LIMIT_S = 120.0  # for one run of one client


@dataclass(frozen=True)
class Share:
    """How much of the load a client is given: the slow ones less, so that the whole ends in time."""

    warm_up: int
    pushes: int


@dataclass(frozen=True)
class Stage:
    """Where a run takes place: the server, the folder with the load, and the client's core."""

    sink: Sink
    folder: Path
    streams: int
    core: str
    log: Path


@dataclass(frozen=True)
class Client:
    """One of them. `shares` is by streams."""

    name: str
    shares: dict[int, Share]
    run: Callable[[Stage, Share], measure.Run]


def _asked(line: Callable[[], list[str]]) -> Callable[[Stage, Share], measure.Run]:
    """A program that is called as the crate `peer` says."""

    def run(stage: Stage, share: Share) -> measure.Run:
        numbers = [stage.streams, share.warm_up, share.pushes]
        arguments = [str(stage.sink.port), str(stage.folder), *map(str, numbers)]
        # Where a client's TLS has no setting for it, this is how it learns whom to trust.
        env = {"SSL_CERT_FILE": str(stage.folder / "ca.pem")}
        with stage.log.open("wb") as log, Program([*line(), *arguments], stage.core, log, env) as client:
            return measure.asked(client, stage.sink, share.pushes, LIMIT_S)

    return run


def _h2load(stage: Stage, share: Share) -> measure.Run:
    line = [
        "h2load", "--clients=1", "--threads=1", f"--requests={share.warm_up + share.pushes}",
        f"--max-concurrent-streams={stage.streams}", f"--input-file={stage.folder / 'paths'}",
        f"--base-uri=https://127.0.0.1:{stage.sink.port}", f"--data={stage.folder / 'payload.json'}",
        *(f"--header={name}: {value}" for name, value in HEADERS.items()), f"--header=authorization: bearer {_bearer()}",
    ]

    def check(said: str) -> None:
        answers = re.search(r"status codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx", said)
        if not answers or int(answers[1]) != share.warm_up + share.pushes:
            raise Failure(f"h2load did not have 200 for all: {said.strip().splitlines()[-3:]}")

    with stage.log.open("wb") as log, Program(line, stage.core, log) as client:
        return measure.watched(client, stage.sink, share.warm_up, share.pushes, LIMIT_S, check)


def _bearer() -> str:
    """As long as a provider token and of the same letters. h2load signs nothing, and nobody here checks."""
    def part(text: bytes) -> str:
        return base64.urlsafe_b64encode(text).decode().rstrip("=")

    header, claims = b'{"alg":"ES256","kid":"BENCHKEY01"}', b'{"iss":"BENCHTEAM1","iat":1700000000}'
    return ".".join(map(part, (header, claims, random.Random(2).randbytes(64))))


HEADERS = {
    "apns-topic": "im.example.chat",
    "apns-push-type": "alert",
    "apns-priority": "10",
    "apns-expiration": "4000000000",
}


def _rust(name: str) -> Callable[[], list[str]]:
    return lambda: [str(OUT / "peers" / "release" / name)]


# a2 leaves Nagle's algorithm on: with 100 streams each round of them waits for a delayed acknowledgement.
H2LOAD = Client("h2load", {1000: Share(50_000, 300_000), 100: Share(50_000, 300_000)}, _h2load)
A2 = Client("a2", {1000: Share(50_000, 100_000), 100: Share(2_000, 20_000)}, _asked(_rust("a2_peer")))
