"""A machine that lacks what every part needs is told so in one sentence, and no part is run."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from .paths import TOP


class RunTestsTest(unittest.TestCase):
    def test_missing_programs_are_named_and_nothing_is_run(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("python3", "git", "erl"):
                (Path(folder) / name).symlink_to(shutil.which(name) or "nowhere")
            done = subprocess.run(
                [TOP / "tools" / "run_tests", "build", "check"], env=os.environ | {"PATH": folder},
                capture_output=True, text=True, check=False,
            )
        self.assertEqual((done.stdout, done.stderr), ("", "there is no cargo and no rebar3: run `make setup` first\n"))
        self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    unittest.main()
