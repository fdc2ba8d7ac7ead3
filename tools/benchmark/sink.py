"""The server that clients are measured against, and what is pushed to it."""

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .process import Failure, Program

PAYLOAD_BYTES = 200
TOKENS = 65_536
WINDOW = 1 << 24  # of the connection: never in the way
PATIENCE_S = 10.0


@dataclass(frozen=True)
class Counts:
    """Since the server's start, over all connections."""

    connections: int
    requests: int
    bytes_in: int


class Sink(Program):
    """`apns_bench_sink`, which answers 200 to all; the folder holds its certificate and a key for provider tokens."""

    def __init__(self, path: Path, folder: Path, streams: int, core: str, log: IO[bytes]):
        options = ["--credentials", str(folder), "--streams", str(streams), "--window", str(WINDOW)]
        super().__init__([str(path), *options], core, log)
        self.port = int(self.hear(PATIENCE_S).removeprefix("port="))

    def counts(self) -> Counts:
        """Fails when a client did something wrong."""
        self.say("")
        numbers, _, fault = self.hear(PATIENCE_S).partition(" fault=")
        if fault != "none":
            raise Failure(f"the server found a client at fault: {fault}")
        said = dict(pair.split("=") for pair in numbers.split())
        return Counts(int(said["connections"]), int(said["requests"]), int(said["bytes_in"]))


def write_load(folder: Path) -> None:
    """What every client pushes: `tokens`, one in a line, and `payload.json`. The same in each run."""
    # Random, since Huffman's code is not equally long for all digits.
    draw = random.Random(1)
    tokens = [draw.randbytes(32).hex() for _ in range(TOKENS)]
    body = {
        "aps": {
            "alert": {"title": "Alice 0001", "body": ""},
            "badge": 7,
            "sound": "default",
            "thread-id": "5d41402abc4b2a76b9719d911017c592",
            "mutable-content": 1,
        }
    }
    missing = PAYLOAD_BYTES - len(json.dumps(body, separators=(",", ":")))
    body["aps"]["alert"]["body"] = "x" * missing
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokens").write_text("".join(f"{token}\n" for token in tokens))
    (folder / "paths").write_text("".join(f"https://127.0.0.1/3/device/{token}\n" for token in tokens))
    (folder / "payload.json").write_text(json.dumps(body, separators=(",", ":")))
