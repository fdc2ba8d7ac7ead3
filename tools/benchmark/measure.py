"""Measures a client while it pushes. All are measured in one way, from outside: the process's clock, the server's counts."""

import statistics
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass

from .process import Failure, Program
from .sink import Counts, Sink

LOOK_S = 0.005  # between two looks at a client that does not tell how far it is


@dataclass(frozen=True)
class Run:
    """What a push cost, and how many went in a second."""

    pushes_per_s: float
    cpu_us: float
    rss_mb: float
    wire_bytes: float
    sink_cpu_us: float


@dataclass(frozen=True)
class Moment:
    """All clocks and counts, read as near to each other as can be."""

    clock_s: float
    cpu_s: float
    sink_cpu_s: float
    counts: Counts

    @classmethod
    def of(cls, client: Program, sink: Sink) -> "Moment":
        counts = sink.counts()
        return cls(time.monotonic(), client.cpu_s(), sink.cpu_s(), counts)


def asked(client: Program, sink: Sink, pushes: int, limit_s: float) -> Run:
    """A client that says `ready` after its warm-up and waits for a line; in the end it says how many answers were 200."""
    while (said := client.hear(limit_s)) != "ready":
        pass
    start = Moment.of(client, sink)
    client.say("go")
    said = client.hear(limit_s)
    end = Moment.of(client, sink)
    if said != f"ok={pushes}":
        raise Failure(f"{client.name} was to push {pushes} and said: {said}")
    if end.counts.requests - start.counts.requests != pushes:
        raise Failure(f"{pushes} pushes of {client.name} made {end.counts.requests - start.counts.requests} requests")
    return _run(start, end, client.peak_rss_mb() or 0.0)


def watched(
    client: Program, sink: Sink, warm_up: int, pushes: int, limit_s: float, check: Callable[[str], None]
) -> Run:
    """A client that pushes and ends: the clocks start when the server has seen the warm-up. `check` judges its words."""
    deadline = time.monotonic() + limit_s
    start, rss_mb = None, 0.0
    while not client.has_ended():
        if time.monotonic() > deadline:
            raise Failure(f"{client.name} did not end within {limit_s:.0f} s")
        if start is None:
            moment = Moment.of(client, sink)
            start = moment if moment.counts.requests >= warm_up else None
        rss_mb = client.peak_rss_mb() or rss_mb
        time.sleep(LOOK_S)
    end = Moment.of(client, sink)
    check(client.output())
    if start is None or end.counts.requests != warm_up + pushes:
        raise Failure(f"{warm_up + pushes} pushes of {client.name} made {end.counts.requests} requests")
    return _run(start, end, rss_mb)


def _run(start: Moment, end: Moment, rss_mb: float) -> Run:
    if end.counts.connections != 1:
        raise Failure(f"{end.counts.connections} connections were made where one was to be")
    pushes = end.counts.requests - start.counts.requests
    return Run(
        pushes_per_s=pushes / (end.clock_s - start.clock_s),
        cpu_us=(end.cpu_s - start.cpu_s) * 1e6 / pushes,
        rss_mb=rss_mb,
        wire_bytes=(end.counts.bytes_in - start.counts.bytes_in) / pushes,
        sink_cpu_us=(end.sink_cpu_s - start.sink_cpu_s) * 1e6 / pushes,
    )


def median(runs: list[Run]) -> Run:
    """Of each number by itself."""
    return Run(*(statistics.median(numbers) for numbers in zip(*(astuple(run) for run in runs), strict=True)))
