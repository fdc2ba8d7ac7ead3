"""A count of instructions that moved is told with both numbers and what to do; one that moved little is let pass."""

import unittest

from .instructions import Failed, Incomparable, Values, compare, parse, render


def values(json: int, rustc: str = "rustc 1.91.0") -> Values:
    return Values(rustc, {"json": json, "map": 2_000_000})


class InstructionsTest(unittest.TestCase):
    def test_ten_percent_are_allowed_in_either_direction(self):
        for json in (900_000, 1_000_000, 1_100_000):
            self.assertEqual(compare(values(json), values(1_000_000)), [], json)
        for json in (899_999, 1_100_001):
            self.assertEqual(len(compare(values(json), values(1_000_000))), 1, json)

    def test_a_failure_tells_both_numbers_both_compilers_and_what_to_do(self):
        for json, words in (
            (1_234_567, ("1,234,567", "+23.5 %", "dearer")),
            (765_432, ("765,432", "-23.5 %", "cheaper")),
        ):
            [sentence] = compare(values(json, "rustc 1.95.0"), values(1_000_000))
            for word in (*words, "1,000,000", "from json", "rustc 1.91.0", "rustc 1.95.0", "tools/instructions --renew"):
                self.assertIn(word, sentence)

    def test_what_is_written_is_read_again(self):
        self.assertEqual(parse(render(values(1_234_567), "x86_64"), "x86_64"), values(1_234_567))

    def test_values_of_another_machine_are_not_compared_with(self):
        text = render(values(1_000_000), "x86_64")
        with self.assertRaises(Incomparable):
            parse(text, "aarch64")

    def test_a_damaged_file_has_no_values(self):
        text = render(values(1_000_000), "x86_64")
        for damaged, machine in ((text.replace("json", "jso"), "x86_64"), ("=", "x86_64")):
            with self.assertRaises(Failed):
                parse(damaged, machine)


if __name__ == "__main__":
    unittest.main()
