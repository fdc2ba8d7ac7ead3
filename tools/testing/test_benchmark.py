"""The benchmark measures what it says, tells what failed, and leaves no process."""

import json
import os
import tempfile
import time
import unittest
from pathlib import Path

from benchmark import measure, report, sink
from benchmark.process import Failure, Program

from .paths import TOP

CORE = str(min(os.sched_getaffinity(0)))
LIMIT_S = 30.0


class ProgramTest(unittest.TestCase):
    def setUp(self):
        self.log = tempfile.NamedTemporaryFile()
        self.addCleanup(self.log.close)

    def program(self, script: str) -> Program:
        return Program(["bash", "-c", script], CORE, self.log)

    def test_the_clock_of_a_program_counts_its_work_and_not_its_waiting(self):
        with self.program("read; for ((i = 0; i < 300000; i++)); do :; done; echo done; read") as program:
            start = time.monotonic(), program.cpu_s()
            while time.monotonic() < start[0] + 0.05:
                pass
            waited = program.cpu_s() - start[1]
            program.say("")
            program.expect("done", LIMIT_S)
            worked = program.cpu_s() - start[1] - waited
        self.assertGreater(worked, 10 * waited)

    def test_a_program_that_ends_too_early_is_told_with_its_last_words(self):
        with self.program("echo beginning >&2; echo no key >&2") as program, self.assertRaisesRegex(Failure, "no key"):
            program.hear(LIMIT_S)

    def test_another_word_than_the_expected_one_fails(self):
        with self.program("echo ok=3; read") as program, self.assertRaisesRegex(Failure, "ok=4 and said: ok=3"):
            program.expect("ok=4", LIMIT_S)

    def test_what_a_program_started_ends_with_it(self):
        with self.program("sleep 1000 & echo $!; read") as program:
            child = int(program.hear(LIMIT_S))
            self.assertTrue(Path(f"/proc/{child}").exists())
        deadline = time.monotonic() + LIMIT_S
        while _runs(child):
            self.assertLess(time.monotonic(), deadline)


class ReportTest(unittest.TestCase):
    def test_the_median_is_of_each_number_by_itself(self):
        runs = [measure.Run(1, 30, 1, 1, 1), measure.Run(2, 10, 1, 1, 1), measure.Run(9, 20, 1, 1, 1)]
        self.assertEqual(measure.median(runs), measure.Run(2, 20, 1, 1, 1))

    def test_lines_of_other_kinds_are_no_pairs(self):
        said = "   Compiling x v0.1\nbench: OTP 25\nqueued_bytes=261.0\ndelay_20_note=a b\n=\nname=\n"
        self.assertEqual(report.pairs(said), [("queued_bytes", "261.0"), ("delay_20_note", "a b")])

    def test_ratios_are_against_ours_and_failures_are_told_in_both_files(self):
        results = report.Results({"cpu": "none"}, problems=["aioapns: there is no python3"])
        for client, cpu in (("ours, finished JSON", 2.0), ("a2", 11.0)):
            results.rows.append(report.Row(client, "1.0", 1000, 5, measure.Run(1e6 / cpu, cpu, 20, 440, 0.5)))
        with tempfile.TemporaryDirectory() as folder:
            text = results.write(Path(folder))
            written = json.loads((Path(folder) / "results.json").read_text())
        self.assertIn("| a2 | 1.0 | 90,909 | 11.00 | 5.50 | 0.182 |", text)
        self.assertIn("there is no python3", text)
        self.assertEqual(written["problems"], results.problems)


class LoadTest(unittest.TestCase):
    def test_the_payload_has_its_size_and_no_token_comes_twice(self):
        with tempfile.TemporaryDirectory() as folder:
            sink.write_load(Path(folder))
            payload = (Path(folder) / "payload.json").read_bytes()
            tokens = (Path(folder) / "tokens").read_text().split()
        self.assertEqual(len(payload), sink.PAYLOAD_BYTES)
        self.assertEqual({len(token) for token in tokens}, {64})
        self.assertEqual(len(set(tokens)), sink.TOKENS)

    def test_the_lock_file_of_node_names_no_place_to_load_from(self):
        lock = TOP / "native/apns_bench/peers/node/package-lock.json"
        packages = json.loads(lock.read_text())["packages"]
        self.assertGreater(len(packages), 1)
        self.assertEqual([name for name, package in packages.items() if "resolved" in package], [])


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


if __name__ == "__main__":
    unittest.main()
