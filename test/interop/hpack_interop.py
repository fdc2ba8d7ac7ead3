#!/usr/bin/env python3
"""Compares our HPACK with hyper's (PyPI package `hpack`): each reads what the other writes.

    python3 test/interop/hpack_interop.py [--seed N] [--connections N]

Every connection is a random history of header lists, table size changes and blocks taken back, drawn from the seed.
At its end a damaged block must be read alike or refused by both. Runs the cargo example `hpack_codec`, so it needs
cargo, and an interpreter that has `hpack`. Prints the history up to the first difference and exits 1 if there is one.
"""

import argparse
import random
import subprocess
import sys
from pathlib import Path

import hpack

ROOT = Path(__file__).resolve().parents[2]
CODEC = ["cargo", "run", "--quiet", "--locked", "--package", "apns_proto", "--example", "hpack_codec"]

NAMES = [b":method", b":scheme", b":authority", b":path", b":status", b"authorization", b"apns-topic", b"apns-push-type",
         b"apns-priority", b"apns-id", b"apns-expiration", b"apns-collapse-id", b"apns-unique-id", b"content-type"]
VALUES = [b"POST", b"https", b"200", b"410", b"api.push.apple.com", b"com.example.app", b"com.example.app.voip", b"alert",
          b"bearer " + b"eyJhbGciOiJFUzI1NiJ9." * 8, b"background", b"10", b"5", b"1763957692", b"", b"/", b"application/json"]
KINDS = ["indexed"] * 6 + ["indexed_if_room"] * 2 + ["indexed_name", "literal", "never_indexed", "prepared", "literal_hex"]
TABLE_SIZES = [0, 31, 32, 60, 100, 256, 300, 1000, 4096, 16384]


class Difference(Exception):
    """What one side read is not what the other wrote."""


class Codec:
    """Our encoder and decoder, in a process that takes a line and answers one."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(CODEC, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.history: list[str] = []

    def tell(self, *words: object) -> None:
        line = " ".join(map(str, words))
        self.history.append(line)
        self.process.stdin.write(line + "\n")

    def ask(self, *words: object) -> str:
        self.tell(*words)
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer:
            raise Difference("our codec ended")
        self.history.append(f"  -> {answer}")
        return answer

    def begin(self, decoder_size: int, own_cap: int) -> None:
        self.history.clear()
        self.tell("connection", decoder_size, own_cap)

    def encode(self, fields: list[tuple[str, bytes, bytes]]) -> bytes:
        return from_hex(self.ask("encode", *words_of(fields)))

    def abandon(self, fields: list[tuple[str, bytes, bytes]]) -> None:
        self.tell("abandon", *words_of(fields))

    def decode(self, block: bytes) -> list[tuple[bytes, bytes]] | str:
        verdict, *strings = self.ask("decode", to_hex(block)).split()
        strings = [from_hex(string) for string in strings]
        return list(zip(strings[::2], strings[1::2])) if verdict == "ok" else verdict

    def close(self) -> int:
        self.process.stdin.close()
        return self.process.wait()


def words_of(fields: list[tuple[str, bytes, bytes]]) -> list[str]:
    return [word for kind, name, value in fields for word in (kind, to_hex(name), to_hex(value))]


def to_hex(string: bytes) -> str:
    return "x" + string.hex()


def from_hex(word: str) -> bytes:
    return bytes.fromhex(word.removeprefix("x"))


def random_string(rng: random.Random, common: list[bytes]) -> bytes:
    kind = rng.random()
    if kind < 0.8:
        return rng.choice(common)
    if kind < 0.95:
        return bytes(rng.choices(b"abcdefghijklmnopqrstuvwxyz0123456789-_.:/ABCXYZ", k=rng.randrange(1, 60)))
    return rng.randbytes(rng.randrange(0, 300))


def random_fields(rng: random.Random) -> list[tuple[str, bytes, bytes]]:
    fields = []
    for _ in range(rng.randrange(0, 12)):
        kind = rng.choice(KINDS)
        name = random_string(rng, NAMES)
        if kind == "literal_hex":
            value = rng.randbytes(rng.randrange(0, 101)).hex().encode()
        else:
            value = random_string(rng, VALUES)
        fields.append((kind, name, value))
    return fields


def ours_to_theirs(rng: random.Random, codec: Codec, lists: int) -> int:
    """Our encoder, their decoder."""
    own_cap = rng.choice(TABLE_SIZES)
    codec.begin(4096, own_cap)
    decoder = hpack.Decoder(max_header_list_size=1 << 24)
    blocks = 0
    for _ in range(lists):
        while rng.random() < 0.3:
            decoder.max_allowed_table_size = rng.choice(TABLE_SIZES)
            codec.tell("table-size", decoder.max_allowed_table_size)
        if rng.random() < 0.1:
            codec.abandon(random_fields(rng))
        fields = random_fields(rng)
        block = codec.encode(fields)
        written = [(name, value) for _, name, value in fields]
        try:
            read = [tuple(field) for field in decoder.decode(block, raw=True)]
        except hpack.HPACKError as error:
            raise Difference(f"they refuse our block: {error!r}") from error
        if read != written:
            raise Difference(f"we wrote {written}\nthey read {read}")
        if decoder.header_table_size > own_cap:
            raise Difference(f"their table has {decoder.header_table_size} bytes, ours at most {own_cap}")
        blocks += 1
    return blocks


def theirs_to_ours(rng: random.Random, codec: Codec, lists: int) -> int:
    """Their encoder, our decoder; at the end a damaged block."""
    decoder_size = rng.choice([size for size in TABLE_SIZES if size >= 4096])
    codec.begin(decoder_size, 4096)
    encoder = hpack.Encoder()
    decoder = hpack.Decoder(max_header_list_size=1 << 24)
    decoder.max_allowed_table_size = decoder_size
    blocks = 0
    for _ in range(lists):
        while rng.random() < 0.3:
            size = rng.choice([size for size in TABLE_SIZES if size <= decoder_size])
            # Told the size it already has, hpack's encoder forgets to send the changes before (4.2).
            if size != encoder.header_table_size:
                encoder.header_table_size = size
        written = [(name, value) for _, name, value in random_fields(rng)]
        secret = [(name, value, rng.random() < 0.2) for name, value in written]
        block = encoder.encode(secret, huffman=rng.random() < 0.7)
        decoder.decode(block, raw=True)
        read = codec.decode(block)
        if read != written:
            raise Difference(f"they wrote {written}\nwe read {read}")
        blocks += 1
    damaged = damage(rng, encoder.encode([(name, value) for _, name, value in random_fields(rng)]))
    try:
        theirs = [tuple(field) for field in decoder.decode(damaged, raw=True)]
    except Exception as error:  # noqa: BLE001: they let ValueError and the like through
        theirs = repr(error)
    ours = codec.decode(damaged)
    if isinstance(ours, str) != isinstance(theirs, str) or (isinstance(ours, list) and ours != theirs):
        raise Difference(f"of the damaged block {damaged.hex()}\nthey read {theirs}\nwe read {ours}")
    return blocks + 1


def damage(rng: random.Random, block: bytes) -> bytes:
    damaged = bytearray(block)
    for _ in range(rng.randrange(0, 3)):
        if damaged:
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    if rng.random() < 0.3:
        del damaged[rng.randrange(len(damaged) + 1):]
    return bytes(damaged)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=7541)
    parser.add_argument("--connections", type=int, default=500, help="in each direction")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    codec = Codec()
    blocks = 0
    try:
        for _ in range(arguments.connections):
            blocks += ours_to_theirs(rng, codec, lists=rng.randrange(1, 12))
            blocks += theirs_to_ours(rng, codec, lists=rng.randrange(1, 12))
    except Difference as difference:
        print(*codec.history, difference, sep="\n")
        print(f"hpack interop: different after {blocks} equal blocks (seed {arguments.seed})")
        return 1
    if codec.close() != 0:
        print("hpack interop: our codec failed")
        return 1
    print(f"hpack interop: {blocks} blocks equal in {2 * arguments.connections} connections, hpack {hpack.__version__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
