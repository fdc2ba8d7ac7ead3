"""An ejabberd of our own: private directories, free ports, loopback only."""

import asyncio
import json
import os
import re
import secrets
import shutil
import socket
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from . import child
from .paths import APPLICATIONS, ejabberd
from .waiting import DEADLINE_S, Unexpected, within


class Node:
    """`applications` is where the code under test is loaded from; a test may give a copy that lacks something.

    Nodes that are to talk to one another need addresses of their own, and one port: without epmd all nodes have the same.
    """

    def __init__(self, folder: Path, applications: Path = APPLICATIONS, address: str = "localhost",
                 beside: "Node | None" = None) -> None:
        self.folder = folder
        self.applications = applications
        self.log = folder / "ejabberd.log"
        self.config: dict[str, Any] = {}
        # Seconds that a start may take.
        self.patience = DEADLINE_S
        self.port, self._dist_port = child.free_ports(2)
        self._cookie = secrets.token_hex(16)
        if beside is not None:
            self._dist_port, self._cookie = beside._dist_port, beside._cookie
        self._address = address
        self.name = f"push{secrets.token_hex(4)}@{address}"
        self._process: asyncio.subprocess.Process | None = None
        self._control: asyncio.subprocess.Process | None = None
        self._asking = asyncio.Lock()

    def write_config(self, hosts: list[str], modules: dict[str, Any], **more: Any) -> None:
        """ejabberd.yml, as JSON: YAML reads it."""
        self.config = {
            "hosts": hosts, "loglevel": "info", "certfiles": [],
            "listen": [{"port": self.port, "ip": "127.0.0.1", "module": "ejabberd_c2s", "access": "c2s",
                        "max_stanza_size": 262144}],
            "acl": {"local": {"user_regexp": ""}},
            "access_rules": {"c2s": {"allow": "all"}, "local": {"allow": "local"}},
            "modules": modules,
        } | more
        (self.folder / "ejabberd.yml").write_text(json.dumps(self.config, indent=1), encoding="utf-8")

    async def start(self, expect: str = "READY=1") -> None:
        """Returns when ejabberd says that it is ready, in the way it says so to systemd."""
        notify = self.folder / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            told.setblocking(False)
            told.bind(str(notify))
            try:
                self._process = await child.start(self._command(), self.folder / "erl.log", self._env(notify))
                await self._ready(told, expect)
            finally:
                notify.unlink()
        await self._start_control()

    async def _ready(self, told: socket.socket, expect: str) -> None:
        assert self._process is not None
        ended = asyncio.ensure_future(self._process.wait())
        try:
            while True:
                word = asyncio.ensure_future(asyncio.get_running_loop().sock_recv(told, 4096))
                done, _ = await asyncio.wait({word, ended}, timeout=self.patience, return_when=asyncio.FIRST_COMPLETED)
                if word in done and expect.encode() in word.result():
                    return
                if word not in done:
                    word.cancel()
                    came = f"it ended with {ended.result()}" if ended in done else f"nothing for {self.patience:.0f} s"
                    raise Unexpected("ejabberd to start", f"{came}; its log is {self.log}")
        finally:
            ended.cancel()

    async def fail_to_start(self) -> str:
        """For a configuration that must be refused: what ejabberd logged when it ended."""
        try:
            await self.start()
        except Unexpected:
            return self.log_text()
        raise Unexpected("ejabberd to refuse its configuration", "it started")

    async def stop(self) -> None:
        async with AsyncExitStack() as last_to_first:
            last_to_first.push_async_callback(child.stop, self._process)
            last_to_first.push_async_callback(child.stop, self._control)

    async def kill(self) -> None:
        """Without a word, as when its machine loses power."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()
        await child.stop(self._control)

    def log_text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    async def eval(self, expression: str) -> Any:
        """Evaluates Erlang in the node; the value as JSON has it."""
        async with self._asking:
            assert self._control and self._control.stdin and self._control.stdout
            self._control.stdin.write(expression.replace("\n", " ").strip().rstrip(".").encode() + b".\n")
            line = await within(self._control.stdout.readline(), f"an answer to {expression}", 70)
        answer = json.loads(line)
        if "error" in answer:
            raise Unexpected(f"a value of {expression}", answer["error"])
        return answer["ok"]

    async def ctl(self, *arguments: str) -> tuple[int, str]:
        """Runs this machine's ejabberdctl on the node: its exit code, and what it printed."""
        script = self.folder / "ejabberdctl"
        if not script.exists():
            # As it is, but for the change of the user: this node's files are ours.
            installed = Path(shutil.which("ejabberdctl", path=os.environ.get("PATH", "") + ":/usr/sbin") or "")
            text = installed.read_text(encoding="utf-8")
            script.write_text(re.sub("(?m)^INSTALLUSER=.*$", "INSTALLUSER=", text), encoding="utf-8")
            script.chmod(0o700)
            (self.folder / "inetrc").touch()
        folder = str(self.folder)
        env = self._env(None) | {"ERL_OPTIONS": f"-setcookie {self._cookie}", "LC_ALL": "C.UTF-8"}
        process = await child.start(
            [str(script), "--node", self.name, "--config-dir", folder, "--logs", folder, "--spool", folder, *arguments],
            self.folder / "ctl.log", env, stdout=asyncio.subprocess.PIPE)
        printed, _ = await within(process.communicate(), f"ejabberdctl {arguments[0]!r} to end", 70)
        return await process.wait(), printed.decode(errors="replace")

    async def counters(self) -> dict[str, int]:
        return await self.eval("mod_push_service:stats()")

    async def reload(self, modules: dict[str, Any]) -> None:
        self.write_config(self.config["hosts"], modules)
        result = await self.eval("ejabberd_config:reload()")
        if result != "ok":
            raise Unexpected("the configuration to be reloaded", str(result))

    async def reload_keeping(self, modules: dict[str, Any]) -> None:
        """The same, and all else of the configuration stays as it is."""
        kept = {name: value for name, value in self.config.items() if name not in ("hosts", "modules")}
        self.write_config(self.config["hosts"], modules, **kept)
        result = await self.eval("ejabberd_config:reload()")
        if result != "ok":
            raise Unexpected("the configuration to be reloaded", str(result))

    async def refused_reload(self, modules: dict[str, Any]) -> str:
        """What ejabberd says of a configuration that it refuses; it runs on with the one before."""
        before = self.config
        self.write_config(self.config["hosts"], modules)
        said = await self.eval("case ejabberd_config:reload() of ok -> ok; "
                               "Error -> iolist_to_binary(ejabberd_config:format_error(Error)) end")
        self.write_config(before["hosts"], before["modules"])
        if said == "ok":
            raise Unexpected("the configuration to be refused", "ok")
        return said

    def _command(self) -> list[str]:
        paths = [str(self.applications / name / "ebin") for name in ("apns_nif", "mod_push_service")]
        return [*self._erl(self.name), "-pa", *paths, "-mnesia", "dir", f'"{self.folder / "spool"}"', "-s", "ejabberd"]

    async def _start_control(self) -> None:
        control = Path(__file__).with_name("control.eval")
        self._control = await child.start(
            [*self._erl(f"control{secrets.token_hex(4)}@{self._address}"), "-dist_listen", "false", "-hidden", "-noshell",
             "-target", self.name, "-eval", f'{{error, E}} = file:eval("{control}"), io:format("~p", [E]), halt(1).'],
            self.folder / "control.log", self._env(None),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)

    def _erl(self, name: str) -> list[str]:
        kind, interface = ("-sname", "127.0.0.1") if self._address == "localhost" else ("-name", self._address)
        return ["erl", "-noinput" if name == self.name else "-noshell", kind, name, "-setcookie", self._cookie,
                "-erl_epmd_port", str(self._dist_port), "-start_epmd", "false",
                "-kernel", "inet_dist_use_interface", f"{{{interface.replace('.', ',')}}}"]

    def _env(self, notify: Path | None) -> dict[str, str]:
        env = {name: value for name, value in os.environ.items()
               if not name.startswith(("ERL_", "EJABBERD_")) and name != "NOTIFY_SOCKET"}
        return env | {
            "EJABBERD_CONFIG_PATH": str(self.folder / "ejabberd.yml"), "EJABBERD_LOG_PATH": str(self.log),
            "ERL_LIBS": str(ejabberd().parent), "ERL_DIST_PORT": str(self._dist_port), "HOME": str(self.folder),
            "ERL_CRASH_DUMP_SECONDS": "0",
        } | ({"NOTIFY_SOCKET": str(notify)} if notify else {})


def copy_applications(folder: Path) -> Path:
    """A copy of what is built, for a test that takes something away from it."""
    for name in ("apns_nif", "mod_push_service"):
        for part in ("ebin", "priv"):
            if (APPLICATIONS / name / part).is_dir():
                shutil.copytree(APPLICATIONS / name / part, folder / name / part)
    return folder
