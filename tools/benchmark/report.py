"""What was measured, as JSON and as Markdown."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .measure import Run


@dataclass(frozen=True)
class Row:
    """A client's medians with so many streams."""

    client: str
    version: str
    streams: int
    pushes: int
    run: Run


@dataclass
class Results:
    """All of one run of `make bench`, and the sentences of what failed."""

    machine: dict[str, str]
    rows: list[Row] = field(default_factory=list)
    # By client: pushes that h2o answered 200.
    checked: dict[str, int] = field(default_factory=dict)
    # Names and values that further programs printed, by program.
    others: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def write(self, folder: Path) -> str:
        """Writes results.json and results.md; gives back the latter."""
        text = "\n".join(self._markdown())
        (folder / "results.json").write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        (folder / "results.md").write_text(text, encoding="utf-8")
        return text

    def _markdown(self) -> list[str]:
        lines = [", ".join(f"{name} {value}" for name, value in self.machine.items() if value != "unknown") + ".", ""]
        for streams in sorted({row.streams for row in self.rows}, reverse=True):
            lines += [f"One connection, {streams:,} streams:", "", *self._table(streams), ""]
        if self.checked:
            counts = ", ".join(f"{name} {count:,}" for name, count in self.checked.items())
            lines += [f"Answered 200 by h2o, which decodes and judges every header: {counts}.", ""]
        for program, pairs in self.others.items():
            lines += [f"By `{program}`:", "", "| name | value |", "|---|---:|"]
            lines += [f"| `{name}` | {value} |" for name, value in pairs] + [""]
        lines += [f"- {note}" for note in self.notes] + ([""] if self.notes else [])
        if self.problems:
            lines += ["**Not measured:**", "", *(f"- {problem}" for problem in self.problems), ""]
        return lines

    def _table(self, streams: int) -> list[str]:
        rows = [row for row in self.rows if row.streams == streams]
        # The first that is measured is ours from finished JSON; without it there is nothing to compare with.
        ours = next((row.run for row in rows if row.client == "ours, finished JSON"), None)
        lines = [
            "| client | version | pushes/s | CPU µs per push | CPU, ours = 1 | speed, ours = 1 | RSS, MB | wire bytes | server's CPU µs | pushes |",
            "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|",
        ]
        for row in rows:
            run = row.run
            cpu, speed = ("", "")
            if ours:
                cpu, speed = f"{run.cpu_us / ours.cpu_us:.2f}", f"{run.pushes_per_s / ours.pushes_per_s:.3f}"
            lines.append(
                f"| {row.client} | {row.version} | {run.pushes_per_s:,.0f} | {run.cpu_us:.2f} | {cpu} | {speed} | {run.rss_mb:.0f} "
                f"| {run.wire_bytes:.0f} | {run.sink_cpu_us:.2f} | {row.pushes:,} |"
            )
        return lines


def pairs(output: str) -> list[tuple[str, str]]:
    """The lines `name=value` among what a program printed."""
    split = (line.strip().partition("=") for line in output.splitlines())
    return [(name, value) for name, equals, value in split if equals and name.isidentifier() and value]
