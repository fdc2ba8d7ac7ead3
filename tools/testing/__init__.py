"""The test runner: parts of `make test`, the checks of `make check`, and how their results are counted."""
