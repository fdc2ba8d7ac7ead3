#!/usr/bin/env python3
"""Puts hyper's HTTP/2 server (PyPI package `h2`) before our client and compares what each reads with what the other wrote.

    python3 test/interop/h2_interop.py [--seed N] [--requests N]

Runs the cargo example `http2_client`, so it needs cargo, and an interpreter that has `h2`. hyper judges strictly: order,
case and kind of fields, windows, stream numbers. Exits 1 at the first difference.
"""

import argparse
import random
import socket
import sys
from dataclasses import dataclass, field

import h2
import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from hyperframe.frame import GoAwayFrame

from h2_requests import Client, Difference, Request, build_client, expect, requests

GOAWAY_TEXT = b'{"reason":"Shutdown"}'


@dataclass
class Scenario:
    """What the peer announces and does."""

    settings: dict[int, int] = field(default_factory=dict)
    # Sent one after the other, each after so many requests.
    changes: dict[int, dict[int, int]] = field(default_factory=dict)
    outbound_frame_size: int = 16_384
    refuse_every: int = 0
    goaway_after: int = 0
    ping_every: int = 0
    largest_read: int = 65_536


SCENARIOS = {
    "as it is": Scenario(),
    "a changing header table": Scenario(changes={
        5: {SettingCodes.HEADER_TABLE_SIZE: 0},
        40: {SettingCodes.HEADER_TABLE_SIZE: 4_096},
        80: {SettingCodes.HEADER_TABLE_SIZE: 150},
        120: {SettingCodes.HEADER_TABLE_SIZE: 65_536}}),
    "a changing stream limit": Scenario(settings={SettingCodes.MAX_CONCURRENT_STREAMS: 1}, changes={
        10: {SettingCodes.MAX_CONCURRENT_STREAMS: 20},
        100: {SettingCodes.MAX_CONCURRENT_STREAMS: 2}}),
    "changing windows": Scenario(settings={SettingCodes.INITIAL_WINDOW_SIZE: 0}, changes={
        10: {SettingCodes.INITIAL_WINDOW_SIZE: 100},
        50: {SettingCodes.INITIAL_WINDOW_SIZE: 7_000},
        100: {SettingCodes.INITIAL_WINDOW_SIZE: 1}}),
    "larger frames": Scenario(settings={SettingCodes.MAX_FRAME_SIZE: 40_000}),
    "a limit on header lists": Scenario(settings={SettingCodes.MAX_HEADER_LIST_SIZE: 4_000}),
    "responses in many frames": Scenario(outbound_frame_size=600),
    "refused streams": Scenario(refuse_every=5),
    "a goaway": Scenario(goaway_after=60),
    "pings, and reading a little at a time": Scenario(ping_every=3, largest_read=100),
}


@dataclass
class Response:
    """What the peer answers to one request."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes
    trailers: list[tuple[str, str]]
    interim: bool
    padding: int

    @classmethod
    def random(cls, rng: random.Random, apns_id: str) -> "Response":
        accepted = rng.randrange(3) > 0
        headers = [("apns-id", apns_id)]
        if rng.randrange(4) == 0:
            headers.append(("apns-unique-id", "".join(rng.choices("0123456789abcdef-~", k=rng.randrange(1, 2_000)))))
        return cls("200" if accepted else "410", headers,
                   b"" if accepted else rng.randbytes(rng.randrange(300)),
                   [("x-trailer", str(rng.random()))] if rng.randrange(5) == 0 else [],
                   rng.randrange(5) == 0, rng.choice([0, 0, 1, 200]))


class Peer:
    """hyper's server on one connection."""

    def __init__(self, scenario: Scenario, sent: list[Request], rng: random.Random) -> None:
        self.scenario, self.sent, self.rng = scenario, sent, rng
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        self.connection = h2.connection.H2Connection(config)
        values = {SettingCodes.MAX_CONCURRENT_STREAMS: 100, **scenario.settings}
        self.connection.local_settings = h2.settings.Settings(client=False, initial_values=values)
        self.connection.max_inbound_frame_size = self.connection.local_settings.max_frame_size
        self.connection.initiate_connection()
        self.by_id = {dict(request.fields())["apns-id"]: number for number, request in enumerate(sent)}
        self.fields: dict[int, list[tuple[str, str]]] = {}
        self.bodies: dict[int, bytes] = {}
        self.responses: dict[int, Response] = {}
        self.refused: set[int] = set()
        self.begun = 0
        self.last_stream: int | None = None
        self.pings = 0
        self.settings_sent = 1
        self.terminated: int | None = None

    def serve(self, pipe: socket.socket) -> None:
        pipe.sendall(self.connection.data_to_send())
        while data := pipe.recv(self.scenario.largest_read):
            for event in self.connection.receive_data(data):
                self.handle(event)
            pipe.sendall(self.connection.data_to_send())

    def handle(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived():
                self.handle_request(event.stream_id, event.headers)
            case h2.events.DataReceived():
                self.bodies[event.stream_id] = self.bodies.get(event.stream_id, b"") + event.data
                self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                if event.stream_ended is None and self.connection.local_settings.initial_window_size < 1_000:
                    self.connection.increment_flow_control_window(1_000, event.stream_id)
            case h2.events.StreamEnded():
                self.handle_end(event.stream_id)
            case h2.events.PingAckReceived():
                self.pings -= 1
            case h2.events.SettingsAcknowledged():
                self.settings_sent -= 1
            case h2.events.ConnectionTerminated():
                self.terminated = event.error_code
            case h2.events.StreamReset():
                raise Difference(f"stream {event.stream_id} was reset with {event.error_code}")

    def handle_request(self, stream: int, headers: list) -> None:
        self.begun += 1
        self.fields[stream] = [(str(name), str(value)) for name, value in headers]
        self.bodies[stream] = b""
        if self.connection.local_settings.initial_window_size == 0:
            self.connection.increment_flow_control_window(6_000, stream)
        if change := self.scenario.changes.get(self.begun):
            self.connection.update_settings(change)
            self.settings_sent += 1
        if self.scenario.ping_every and self.begun % self.scenario.ping_every == 0:
            self.connection.ping(self.rng.randbytes(8))
            self.pings += 1
        if self.scenario.refuse_every and self.begun % self.scenario.refuse_every == 0:
            self.connection.reset_stream(stream, ErrorCodes.REFUSED_STREAM)
            self.refused.add(stream)
        if self.begun == self.scenario.goaway_after:
            # Two stages, by hand: hyper itself would close at the first.
            self.last_stream = stream - 10
            self.goaway(0x7fff_ffff)
            self.goaway(self.last_stream)

    def goaway(self, last_stream: int) -> None:
        frame = GoAwayFrame(0, last_stream_id=last_stream, error_code=0, additional_data=GOAWAY_TEXT)
        self.connection._data_to_send += frame.serialize()  # noqa: SLF001

    def handle_end(self, stream: int) -> None:
        if stream in self.refused or (self.last_stream is not None and stream > self.last_stream):
            return
        response = Response.random(self.rng, dict(self.fields[stream])["apns-id"])
        self.responses[stream] = response
        # As if our client had announced less than it must: frames are cut smaller than they need be.
        self.connection.streams[stream].max_outbound_frame_size = self.scenario.outbound_frame_size
        if response.interim:
            self.connection.send_headers(stream, [(":status", "103"), ("link", "<x>")])
        ends = not response.body and not response.trailers
        self.connection.send_headers(stream, [(":status", response.status), *response.headers], end_stream=ends)
        if response.body:
            padding = response.padding or None
            self.connection.send_data(stream, response.body, pad_length=padding, end_stream=not response.trailers)
        if response.trailers:
            self.connection.send_headers(stream, response.trailers, end_stream=True)


def compare(peer: Peer, sent: list[Request], events: list[dict]) -> None:
    """What the peer read is what was sent, what the client read is what the peer answered, and nothing is missing."""
    by_request = {event["request"]: event for event in events if "request" in event}
    for stream, fields in peer.fields.items():
        number = peer.by_id[dict(fields)["apns-id"]]
        expect(f"fields of stream {stream}", fields, sent[number].fields())
        event = by_request.pop(number)
        if stream in peer.refused:
            expect(f"stream {stream}", event["event"], "reset REFUSED_STREAM not processed")
        elif stream not in peer.responses:
            expect(f"stream {stream}", event["event"], "not processed")
        else:
            expect(f"body of stream {stream}", peer.bodies[stream], sent[number].body)
            response = peer.responses[stream]
            wanted = {"event": "response", "request": number, "status": int(response.status),
                      "headers": [list(header) for header in response.headers],
                      "trailers": [list(trailer) for trailer in response.trailers], "body": response.body.hex()}
            expect(f"response of stream {stream}", event, wanted)
    limit = peer.scenario.settings.get(SettingCodes.MAX_HEADER_LIST_SIZE)
    for number, event in by_request.items():
        size = sum(len(name) + len(value) + 32 for name, value in sent[number].fields())
        expect(f"request {number}, whose header list has {size} bytes", event["event"],
               f"blocked: the header list has {size} bytes, the peer allows {limit}")
    expect("pings without an answer", peer.pings, 0)
    expect("settings without an acknowledgement", peer.settings_sent, 0)
    expect("code of the client's GOAWAY", peer.terminated, ErrorCodes.NO_ERROR)


def run(scenario: Scenario, seed: int, sent: list[Request]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        client = Client(listener.getsockname()[1], sent)
        try:
            pipe, _ = listener.accept()
            with pipe:
                pipe.settimeout(60)
                pipe.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                peer = Peer(scenario, sent, random.Random(seed))
                peer.serve(pipe)
            events = client.events()
        finally:
            client.stop()
    goaways = [event["event"] for event in events if event["event"].startswith("goaway")]
    if scenario.goaway_after:
        text = GOAWAY_TEXT.decode()
        expect("goaways", goaways, [f"goaway {last} NO_ERROR {text}" for last in (0x7fff_ffff, peer.last_stream)])
        sent = sent[:len(peer.fields) + sum("request" in event for event in events)]
    else:
        expect("requests that ended", sum("request" in event for event in events), len(sent))
    compare(peer, sent, events)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--requests", type=int, default=200, help="per scenario")
    arguments = parser.parse_args()
    build_client()
    for name, scenario in SCENARIOS.items():
        try:
            run(scenario, arguments.seed, requests(arguments.seed, arguments.requests, largest_body=5_000))
        except (Difference, h2.exceptions.H2Error) as difference:
            print(f"h2 interop, {name}, seed {arguments.seed}: {difference!r}", file=sys.stderr)
            return 1
    print(f"h2 interop: {len(SCENARIOS)} scenarios of {arguments.requests} requests alike, h2 {h2.__version__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
