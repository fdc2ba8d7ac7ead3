"""What the HTTP/2 interoperability tests share: random requests, and the cargo example `http2_client` that sends them."""

import json
import random
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ["--quiet", "--locked", "--package", "apns_proto", "--example", "http2_client"]

TOPICS = ["im.example.chat", "im.example.chat.voip", "im.example.beta"]
TYPES = ["alert", "background", "voip"]
PUNCTUATION = "~!@#$%^&*(){}[]<>|\\/?:;'\"`,.-_=+ 0aZ"
# Requests with one provider token: so many tokens fill any table.
RENEWED_AFTER = 5
FULL_WINDOW = 65_535


class Difference(Exception):
    """One side did not get what the other sent."""


class Request:
    """A request: fields with the way each is encoded, and a body."""

    def __init__(self, number: int, rng: random.Random, largest_body: int) -> None:
        token = rng.randbytes(rng.choice([32, 32, 32, 1, 100]))
        text = "x" + "".join(rng.choices(PUNCTUATION, k=rng.randrange(40))) + "x"
        self.body = rng.randbytes(rng.choice([0, 1, 200, rng.randrange(largest_body + 1)]))
        self.headers = [
            (":method", "POST", "indexed"),
            (":scheme", "http", "indexed"),
            (":authority", "api.push.example", "indexed"),
            (":path", "/3/device/ " + token.hex(), "hex"),
            ("authorization", f"bearer {number // RENEWED_AFTER}" + "eyJhbGciOiJFUzI1NiJ9." * 8,
             rng.choice(["prepared", "never_indexed", "indexed_if_room", "indexed_if_room"])),
            ("apns-topic", rng.choice(TOPICS), "indexed"),
            ("apns-push-type", rng.choice(TYPES), "indexed"),
            ("apns-priority", rng.choice(["10", "5", "1"]), "indexed"),
            ("apns-id", f"{number:08x}-0000-4000-8000-{rng.randrange(1 << 48):012x}", "indexed_name"),
            ("apns-expiration", str(rng.randrange(1 << 32)), "indexed_name"),
            ("apns-collapse-id", text, rng.choice(["indexed_name", "literal", "never_indexed"])),
        ]
        if rng.randrange(100) == 0:
            # Longer than a frame may be, even Huffman-coded.
            self.headers.append(("x-long", "".join(rng.choices(PUNCTUATION[:-3], k=20_000)) + ".", "literal"))

    def fields(self) -> list[tuple[str, str]]:
        """The fields as the peer must read them."""
        return [(name, value.replace(" ", "", 1) if how == "hex" else value) for name, value, how in self.headers]

    def to_json(self) -> str:
        return json.dumps({"headers": self.headers, "body": self.body.hex()})


def requests(seed: int, count: int, largest_body: int) -> list[Request]:
    rng = random.Random(seed)
    return [Request(number, rng, largest_body) for number in range(count)]


def build_client() -> None:
    """Compiles the client, so that no test's patience is spent on it."""
    subprocess.run(["cargo", "build", *EXAMPLE], cwd=ROOT, check=True)


class Client:
    """The example at work: sends the requests to a port of this machine, and its events are read at its end."""

    def __init__(self, port: int, sent: list[Request]) -> None:
        command = ["cargo", "run", *EXAMPLE, "--", f"127.0.0.1:{port}"]
        # A file, not a pipe: nobody reads before the end, and a full pipe would stop the client.
        self.output = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=self.output,
                                        stderr=subprocess.PIPE, text=True)
        for request in sent:
            self.process.stdin.write(request.to_json() + "\n")
        self.process.stdin.close()

    def events(self, timeout: float = 60) -> list[dict]:
        """Its events, oldest first. It must end well unless it says otherwise in an event of its own."""
        self.process.wait(timeout)
        self.output.seek(0)
        events = [json.loads(line) for line in self.output]
        if self.process.returncode != 0:
            said = [event["event"] for event in events if "request" not in event]
            raise Difference(f"the client failed: {self.process.stderr.read().strip()} {said}")
        return events

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        self.output.close()


def expect(what: str, got: object, wanted: object) -> None:
    if got != wanted:
        raise Difference(f"{what}: got {str(got)[:500]}, not {str(wanted)[:500]}")
