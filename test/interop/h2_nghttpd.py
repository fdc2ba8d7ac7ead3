#!/usr/bin/env python3
"""Lets nghttpd (Debian package `nghttp2-server`) read our requests, and compares its log with what was sent.

    python3 test/interop/h2_nghttpd.py [--seed N] [--requests N]

nghttpd logs each header field it decodes, and sends each body back. Tables, windows, stream limits and padding vary by
scenario. Runs the cargo example `http2_client`. Exits 1 at the first difference.
"""

import argparse
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from h2_requests import FULL_WINDOW, Client, Difference, Request, build_client, expect, requests

FIELD = re.compile(rb"recv \(stream_id=(\d+)(, sensitive)?\) (:?[^:]+): (.*)$")

SCENARIOS = {
    "as it is": [],
    "no header table": ["-c", "0"],
    "a small header table": ["-c", "200"],
    "one stream at a time": ["-m", "1"],
    "a small stream window": ["-w", "10"],
    "padding": ["-b", "200"],
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_server(port: int, options: list[str], directory: Path, log) -> subprocess.Popen:
    command = ["nghttpd", "--no-tls", "--verbose", "--echo-upload", "--address", "127.0.0.1",
               "--htdocs", str(directory), *options, str(port)]
    server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return server
    server.kill()
    raise Difference("nghttpd does not listen")


def read_log(log: bytes) -> list[tuple[list[tuple[str, str]], set[str]]]:
    """Per stream, in their order: the fields, and the names of those marked never to be indexed."""
    fields, sensitive = defaultdict(list), defaultdict(set)
    for line in log.splitlines():
        if match := FIELD.search(line):
            stream, name = int(match[1]), match[3].decode()
            fields[stream].append((name, match[4].decode()))
            if match[2]:
                sensitive[stream].add(name)
    return [(fields[stream], sensitive[stream]) for stream in sorted(fields)]


def run(options: list[str], sent: list[Request]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        log_path = Path(directory) / "log"
        port = free_port()
        with log_path.open("wb") as log:
            server = start_server(port, options, Path(directory), log)
            client = Client(port, sent)
            try:
                events = client.events()
            finally:
                client.stop()
                server.terminate()
                server.wait()
        logged = read_log(log_path.read_bytes())
    expect("number of requests logged", len(logged), len(sent))
    for number, (request, (fields, sensitive)) in enumerate(zip(sent, logged)):
        expect(f"fields of request {number}", fields, request.fields())
        wanted = {name for name, _, how in request.headers if how == "never_indexed"}
        expect(f"fields of request {number} never to be indexed", sensitive, wanted)
    answers = {event["request"]: event for event in events if event["event"] == "response"}
    expect("number of responses", len(answers), len(sent))
    for number, request in enumerate(sent):
        expect(f"status of response {number}", answers[number]["status"], 200)
        expect(f"body of response {number}", answers[number]["body"], request.body.hex())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--requests", type=int, default=200, help="per scenario")
    arguments = parser.parse_args()
    if shutil.which("nghttpd") is None:
        print("nghttpd is not installed: Debian has it in the package nghttp2-server", file=sys.stderr)
        return 2
    build_client()
    for name, options in SCENARIOS.items():
        try:
            run(options, requests(arguments.seed, arguments.requests, largest_body=5_000))
        except Difference as difference:
            print(f"nghttpd interop, {name}, seed {arguments.seed}: {difference}", file=sys.stderr)
            return 1
    print(f"nghttpd interop: {len(SCENARIOS)} scenarios of {arguments.requests} requests, every field and body alike")
    return 0


if __name__ == "__main__":
    sys.exit(main())
