"""A licence expression is read as SPDX means it."""

import unittest

from .dependencies import may_be_used


class LicenceTest(unittest.TestCase):
    def test_one_alternative_suffices_and_all_parts_count(self):
        for expression in ("MIT", "MIT OR Apache-2.0", "MIT/Apache-2.0", "Apache-2.0 / MIT", "(MIT OR Foo) AND Unicode-3.0", "Foo OR ISC"):
            self.assertTrue(may_be_used(expression), expression)
        for expression in ("", "GPL-3.0-only", "MIT AND Foo", "(Foo OR Bar) AND MIT"):
            self.assertFalse(may_be_used(expression), expression)


if __name__ == "__main__":
    unittest.main()
