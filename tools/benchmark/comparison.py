"""Measures clients, each in runs of its own against a server of its own."""

from dataclasses import dataclass

from testing.paths import CARGO_TARGET

from . import clients, measure, sink

RUNS = 3  # of each number the median is told


@dataclass(frozen=True)
class Place:
    """The core on which clients run, and the server's."""

    client_core: str
    server_core: str


def measure_client(client: clients.Client, streams: int, place: Place) -> measure.Run:
    """The medians of a client's runs."""
    return measure.median([_run(client, streams, place) for _ in range(RUNS)])


def _run(client: clients.Client, streams: int, place: Place) -> measure.Run:
    folder = clients.OUT / "stage"
    sink.write_load(folder)
    path = CARGO_TARGET / "release" / "apns_bench_sink"
    with (
        (folder / "sink.log").open("wb") as log,
        sink.Sink(path, folder, streams, place.server_core, log) as server,
    ):
        stage = clients.Stage(server, folder, streams, place.client_core, folder / f"{client.name}.log")
        return client.run(stage, client.shares[streams])
