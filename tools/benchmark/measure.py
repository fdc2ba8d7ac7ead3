"""Measures a client while it pushes. All are measured in one way, from outside: the process's clock, the server's counts."""

import statistics
import time
from dataclasses import astuple, dataclass

from .clients import Client, Share
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
    def of(cls, program: Program, sink: Sink) -> "Moment":
        counts = sink.counts()
        return cls(time.monotonic(), program.cpu_s(), sink.cpu_s(), counts)


def run(client: Client, program: Program, sink: Sink, share: Share, limit_s: float) -> Run:
    """Measures a client that has just been started."""
    if client.judge:
        return _watched(client, program, sink, share, limit_s)
    return _asked(program, sink, share, limit_s)


def _asked(program: Program, sink: Sink, share: Share, limit_s: float) -> Run:
    """A client that says `ready` after its warm-up and waits for a line; in the end it says how many answers were 200."""
    program.expect("ready", limit_s)
    start = Moment.of(program, sink)
    program.say("go")
    program.expect(f"ok={share.pushes}", limit_s)
    end = Moment.of(program, sink)
    return _run(start, end, share, program.peak_rss_mb() or 0.0)


def _watched(client: Client, program: Program, sink: Sink, share: Share, limit_s: float) -> Run:
    """A client that pushes and ends: the clocks start when the server has seen the warm-up."""
    deadline = time.monotonic() + limit_s
    start, rss_mb = None, 0.0
    while not program.has_ended():
        if time.monotonic() > deadline:
            raise Failure(f"{program.name} did not end within {limit_s:.0f} s")
        if start is None:
            moment = Moment.of(program, sink)
            start = moment if moment.counts.requests >= share.warm_up else None
        rss_mb = program.peak_rss_mb() or rss_mb
        time.sleep(LOOK_S)
    end = Moment.of(program, sink)
    client.judge(program.output(), share)
    if start is None:
        raise Failure(f"{program.name} ended before it was seen")
    return _run(start, end, share, rss_mb)


def _run(start: Moment, end: Moment, share: Share, rss_mb: float) -> Run:
    if end.counts.connections != 1:
        raise Failure(f"{end.counts.connections} connections were made where one was to be")
    if end.counts.requests != share.warm_up + share.pushes:
        raise Failure(f"{share.warm_up + share.pushes} pushes made {end.counts.requests} requests")
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
