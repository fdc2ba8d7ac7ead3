"""A command's output, end and leftovers are seen as they are."""

import contextlib
import io
import unittest
from pathlib import Path

from . import command


def run(script: str, limit_s: float = 20.0) -> command.Finished:
    with contextlib.redirect_stdout(io.StringIO()):
        return command.run(["bash", "-c", script], limit_s, io.StringIO())


class CommandTest(unittest.TestCase):
    def test_output_is_kept_and_a_good_end_is_no_problem(self):
        finished = run("echo one; echo two >&2")
        self.assertEqual((finished.output, finished.problem), ("one\ntwo\n", None))

    def test_exit_status_and_signal_are_told(self):
        self.assertIn("exit status 3", run("exit 3").problem)
        self.assertIn("SIGSEGV", run("kill -SEGV $$").problem)

    def test_a_missing_program_is_a_problem_not_a_crash(self):
        with contextlib.redirect_stdout(io.StringIO()):
            finished = command.run(["no-such-program"], 1.0, io.StringIO())
        self.assertIn("make setup", finished.problem)

    def test_a_command_that_does_not_end_is_ended_with_all_it_started(self):
        finished = run("sleep 600 & echo $!; sleep 600", limit_s=0.5)
        self.assertIn("did not end within", finished.problem)
        self.assert_gone(int(finished.output))

    def test_what_a_command_leaves_behind_is_named_and_ended(self):
        command.GRACE_S, grace = 0.3, command.GRACE_S
        self.addCleanup(setattr, command, "GRACE_S", grace)
        finished = run("sleep 600 >/dev/null 2>&1 & echo $!")
        self.assertIn("left processes behind", finished.problem)
        self.assertIn("sleep 600", finished.problem)
        self.assert_gone(int(finished.output))

    def assert_gone(self, process: int) -> None:
        try:
            state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return
        self.assertEqual(state, "Z", f"process {process} lives")


if __name__ == "__main__":
    unittest.main()
