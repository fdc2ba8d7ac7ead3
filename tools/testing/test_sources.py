"""The rules on source texts find what they forbid, and nothing else."""

import unittest

from . import sources


class SourcesTest(unittest.TestCase):
    def test_machine_paths(self):
        for text in ("see /" + "root/x", '"/' + 'work/target"', "cd /" + "home/bob/src"):
            self.assertRegex(text, sources.MACHINE_PATHS)
        for text in ("a/" + "work/b", "/" + "workers", "the path /" + "home", "https://example.org/" + "rooted"):
            self.assertNotRegex(text, sources.MACHINE_PATHS)

    def test_registry_hosts(self):
        for text in ("https://static.crat" + "es.io/x", "pyp" + "i.org", "http://deb.deb" + "ian.org/debian"):
            self.assertRegex(text, sources.REGISTRY_HOSTS)
        for text in ("from PyPI", "crates of beer", "debian.example.org"):
            self.assertNotRegex(text, sources.REGISTRY_HOSTS)

    def test_unfinished_work(self):
        for text in ("// TO" + "DO: later", "to" + "do!()", "FIX" + "ME"):
            self.assertRegex(text, sources.UNFINISHED)
        for text in ("mastodon", "todos", "a to-do list"):
            self.assertNotRegex(text, sources.UNFINISHED)

    def test_every_allowed_size_has_a_reason(self):
        self.assertEqual([name for name, reason in sources.allowed_sizes().items() if not reason], [])


if __name__ == "__main__":
    unittest.main()
