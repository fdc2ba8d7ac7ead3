"""Runs the clients, each in runs of its own against a server of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from testing.paths import CARGO_TARGET

from . import h2o, measure
from .clients import OUT, Call, Client, Share
from .process import Program
from .sink import Sink, write_load

RUNS = 3  # of each number the median is told
LIMIT_S = 120.0  # for each half of a run of a client
STAGE = OUT / "stage"
# h2o lets no client have more streams.
H2O_STREAMS = 100
H2O_SHARE = Share(500, 4_500)


@dataclass(frozen=True)
class Place:
    """The core on which clients run, and the server's."""

    client_core: str
    server_core: str


def measured(client: Client, streams: int, place: Place) -> measure.Run:
    """The medians of a client's runs."""
    return measure.median([_run(client, streams, place) for _ in range(RUNS)])


def check_with_h2o(client: Client, place: Place) -> int:
    """The number of pushes that h2o, which decodes and judges each, answered 200. Fails if that is not all of them."""
    # The sink makes the credentials and is not talked to.
    with _sink(H2O_STREAMS, place), h2o.running(STAGE, place.server_core) as port:
        call = Call(port, STAGE, H2O_STREAMS, H2O_SHARE)
        with _program(client, call, place) as program:
            if client.judge:
                client.judge(program.output_at_end(LIMIT_S), call.share)
            else:
                program.expect("ready", LIMIT_S)
                program.say("go")
                program.expect(f"ok={call.share.pushes}", LIMIT_S)
    return H2O_SHARE.warm_up + H2O_SHARE.pushes


def _run(client: Client, streams: int, place: Place) -> measure.Run:
    share = client.shares[streams]
    with (
        _sink(streams, place) as sink,
        _program(client, Call(sink.port, STAGE, streams, share), place) as program,
    ):
        return measure.run(client, program, sink, share, LIMIT_S)


@contextmanager
def _sink(streams: int, place: Place) -> Iterator[Sink]:
    write_load(STAGE)
    path = CARGO_TARGET / "release" / "apns_bench_sink"
    with _log("sink") as log, Sink(path, STAGE, streams, place.server_core, log) as sink:
        yield sink


@contextmanager
def _program(client: Client, call: Call, place: Place) -> Iterator[Program]:
    # Where a client's TLS has no setting for it, this is how it learns whom to trust.
    env = {"SSL_CERT_FILE": str(STAGE / "ca.pem")}
    with _log("client") as log, Program(client.line(call), place.client_core, log, env) as program:
        yield program


def _log(name: str):
    return Path(STAGE / f"{name}.log").open("wb")
