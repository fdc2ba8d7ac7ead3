"""What measures clients against each other: `tools/bench` and, for two of them, `tools/bench_quick`."""
