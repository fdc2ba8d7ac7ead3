"""What `make install` puts below DESTDIR is what Erlang finds and loads, and `make uninstall` takes all of it away."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from .paths import TOP

LOADED = """
ok = apns_nif:load(),
[{module, _} = code:load_file(M) || M <- [mod_push_service, push_trigger]],
true = lists:prefix(os:getenv("ERL_LIBS"), code:priv_dir(apns_nif)),
{ok, Docs} = code:get_doc(apns_nif),
[_ | _] = shell_docs:render(apns_nif, notify, 4, Docs),
halt(0).
"""


class InstallTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.destination = Path(folder.name)

    def install(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [TOP / "tools" / "install", *arguments], env=os.environ | {"DESTDIR": str(self.destination), "PREFIX": "/usr"} | env,
            capture_output=True, text=True, check=False,
        )

    def files(self) -> list[str]:
        return sorted(str(path.relative_to(self.destination)) for path in self.destination.rglob("*") if path.is_file())

    def test_erlang_finds_and_loads_what_was_installed(self) -> None:
        self.assertEqual(self.install().returncode, 0, self.install().stderr)
        (library,) = self.destination.rglob("apns_nif.so")
        applications = library.parents[2]
        self.assertEqual(library.parent.parent.name.partition("-")[0], "apns_nif")
        done = subprocess.run(
            ["erl", "-noinput", "-pa", f"{self.ejabberd()}/ebin", "-eval", LOADED],
            env=os.environ | {"ERL_LIBS": str(applications)}, capture_output=True, text=True, check=False, timeout=60,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("usr/bin/apns_sim", self.files())

    def test_debug_information_stays_here_unless_asked_for(self) -> None:
        for keep, expected in (("0", False), ("1", True)):
            self.assertEqual(self.install(KEEP_DEBUG=keep).returncode, 0)
            (library,) = self.destination.rglob("apns_nif.so")
            for file in (library, self.destination / "usr/bin/apns_sim"):
                listed = subprocess.run(["readelf", "--sections", file], check=True, capture_output=True, text=True)
                self.assertEqual(" .debug_line " in listed.stdout, expected, f"{file.name}, KEEP_DEBUG={keep}")

    def test_a_second_installation_replaces_other_versions(self) -> None:
        self.assertEqual(self.install().returncode, 0)
        first = self.files()
        (library,) = self.destination.rglob("apns_nif.so")
        version = library.parent.parent
        version.rename(version.with_name("apns_nif-0.0.1"))
        self.assertEqual(self.install().returncode, 0)
        self.assertEqual(self.files(), first)

    def test_removal_leaves_no_file(self) -> None:
        self.assertEqual(self.install().returncode, 0)
        self.assertEqual(self.install("--remove").returncode, 0)
        self.assertEqual(self.files(), [])

    def test_another_ejabberd_than_the_one_built_for_is_refused(self) -> None:
        other = self.destination / "lib"
        (other / "ejabberd-99.01" / "ebin").mkdir(parents=True)
        (other / "ejabberd-99.01" / "ebin" / "ejabberd.app").touch()
        done = self.install(EJABBERD_LIB=str(other))
        self.assertEqual(done.returncode, 1)
        self.assertIn("make build", done.stderr)

    def test_a_folder_without_ejabberd_is_named(self) -> None:
        done = self.install(EJABBERD_LIB=str(self.destination / "nowhere"))
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"no ejabberd-VERSION in {self.destination}/nowhere", done.stderr)

    def ejabberd(self) -> str:
        return subprocess.run([TOP / "tools" / "find_ejabberd"], check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    unittest.main()
