"""What each runner prints is read rightly, as these runners print it."""

import unittest

from . import counts
from .counts import Counts


class CountsTest(unittest.TestCase):
    def test_cargo_adds_all_binaries_and_doc_tests_and_ignored_is_skipped(self):
        output = """
running 2 tests
test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s
\x1b[1mtest result: \x1b[0m\x1b[31mFAILED\x1b[0m. 3 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out
"""
        self.assertEqual(counts.cargo(output), Counts(8, 1, 2))

    def test_plain_takes_the_last_closing_line_alone_on_its_line(self):
        self.assertEqual(counts.plain("1 passed, 0 failed\nall: 7 passed, 2 failed, 1 skipped\n"), Counts(7, 2, 1))
        self.assertEqual(counts.plain("said: 7 passed, 2 failed, oh\n"), Counts())

    def test_unittest_counts_errors_as_failed(self):
        output = "Ran 7 tests in 0.001s\n\nFAILED (failures=1, errors=1, skipped=2)\n"
        self.assertEqual(counts.unittest(output), Counts(3, 2, 2))
        self.assertEqual(counts.unittest("Ran 1 test in 0.001s\n\nOK\n"), Counts(1, 0, 0))

    def test_eunit_counts_cancelled_tests_as_failed(self):
        self.assertEqual(counts.eunit("12 tests, 0 failures\n"), Counts(12, 0, 0))
        self.assertEqual(counts.eunit("12 tests, 2 failures, 1 skipped, 3 cancelled\n"), Counts(10, 5, 1))

    def test_common_test_reads_both_forms_of_closing_line(self):
        self.assertEqual(counts.common_test("All 5 tests passed.\n"), Counts(5, 0, 0))
        line = "Failed 1 tests. Skipped 2 (2, 0) tests. Passed 3 tests.\n"
        self.assertEqual(counts.common_test(line), Counts(3, 1, 2))

    def test_output_of_no_runner_counts_nothing(self):
        for parser in (counts.cargo, counts.plain, counts.python, counts.eunit, counts.common_test):
            self.assertEqual(parser("error: could not compile\n"), Counts())


if __name__ == "__main__":
    unittest.main()
