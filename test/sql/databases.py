"""Databases of our own for ejabberd: private folders, free ports, loopback only, gone at the end."""

import asyncio
import glob
import os
import pwd
import shutil
import signal
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from bed import Bed, child
from bed.paths import TOP, ejabberd_version
from bed.waiting import Unexpected, within

SCHEMAS = TOP / "erlang_src" / "mod_push_service" / "priv" / "sql"
OTHER_HOST = "other.localhost"
MAKES_TABLES = ejabberd_version() >= [24, 6]


class Database:
    """A database that is told nothing: subclasses say how it is started and how an admin loads a file into it."""

    name = ""
    schema = ""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="push-sql-"))
        self.port = 0

    def schema_file(self, multihost: bool) -> Path:
        return SCHEMAS / f"{self.schema}{'.multihost' if multihost else ''}.sql"

    async def create(self, schema: Path | None) -> None:
        raise NotImplementedError

    async def start(self) -> None:
        """Starts it, the first time or again."""

    async def stop(self) -> None:
        """Ends it; its data stays."""

    def options(self) -> dict[str, Any]:
        """What ejabberd.yml says to reach it."""
        raise NotImplementedError

    async def remove(self) -> None:
        await self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Sqlite(Database):
    name = "SQLite"
    schema = "lite"

    async def create(self, schema: Path | None) -> None:
        with sqlite3.connect(self.folder / "ejabberd.db") as database:
            if schema:
                database.executescript(schema.read_text(encoding="utf-8"))

    def options(self) -> dict[str, Any]:
        return {"sql_type": "sqlite", "sql_database": str(self.folder / "ejabberd.db")}


class Server(Database):
    """One with a process. Of the two neither likes to run as root."""

    ready = ""
    end = signal.SIGTERM

    def __init__(self) -> None:
        super().__init__()
        self.port = child.free_ports(1)[0]
        self.log = self.folder / "server.log"
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self.user = "postgres" if os.geteuid() == 0 else None
        if self.user:
            os.chown(self.folder, pwd.getpwnam(self.user).pw_uid, -1)

    def command(self) -> list[str]:
        raise NotImplementedError

    async def run(self, *command: str) -> None:
        process = await asyncio.create_subprocess_exec(
            *command, user=self.user, cwd=self.folder, env=self.env(), start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
        output, _ = await within(process.communicate(), f"the end of {command[0]}", 60)
        if process.returncode:
            raise Unexpected(f"{command[0]} to do its work", output.decode(errors="replace")[-2000:])

    async def start(self) -> None:
        """Returns when it says that it takes connections."""
        self._process = await asyncio.create_subprocess_exec(
            *self.command(), user=self.user, cwd=self.folder, env=self.env(), start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
            preexec_fn=child._die_with_parent)
        ready = asyncio.Event()
        self._reader = asyncio.create_task(self._read(self._process, ready))
        await within(ready.wait(), f"{self.name} to take connections; its log is {self.log}")

    async def _read(self, process: asyncio.subprocess.Process, ready: asyncio.Event) -> None:
        assert process.stderr is not None
        with self.log.open("ab") as log:
            async for line in process.stderr:
                log.write(line)
                log.flush()
                if self.ready in line.decode(errors="replace"):
                    ready.set()

    async def stop(self) -> None:
        if self._process and self._process.returncode is None:
            # To postgres SIGTERM says to wait for its clients to go.
            self._process.send_signal(self.end)
        await child.stop(self._process)
        if self._reader:
            await self._reader
        self._process = self._reader = None

    def env(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}


class Postgres(Server):
    name = "PostgreSQL"
    schema = "pg"
    ready = "database system is ready to accept connections"
    end = signal.SIGINT

    def __init__(self) -> None:
        super().__init__()
        # Debian has a folder per version, and none of them in PATH.
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
        self.programs = Path(found[-1]).parent if found else Path(shutil.which("postgres") or "/usr/bin/postgres").parent

    async def create(self, schema: Path | None) -> None:
        data = self.folder / "data"
        await self.run(str(self.programs / "initdb"), "--no-sync", "--auth=trust", "--username=ejabberd",
                       "--encoding=UTF8", "--locale=C.UTF-8", "-D", str(data))
        await self.start()
        client = [str(self.programs / "psql"), "-v", "ON_ERROR_STOP=1", "-q", "-h", "127.0.0.1", "-p", str(self.port),
                  "-U", "ejabberd"]
        await self.run(*client, "-d", "postgres", "-c", "CREATE DATABASE ejabberd")
        if schema:
            await self.run(*client, "-d", "ejabberd", "-f", str(schema))

    def command(self) -> list[str]:
        return [str(self.programs / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port),
                "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.folder}", "-c", "fsync=off",
                "-c", "max_connections=60"]

    def options(self) -> dict[str, Any]:
        return {"sql_type": "pgsql", "sql_server": "127.0.0.1", "sql_port": self.port, "sql_database": "ejabberd",
                "sql_username": "ejabberd", "sql_password": "unused"}


class Mariadb(Server):
    name = "MariaDB"
    schema = "mysql"
    ready = "ready for connections"

    def __init__(self) -> None:
        super().__init__()
        self.program = shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin") or "/usr/sbin/mariadbd"
        self._first = ""

    async def create(self, schema: Path | None) -> None:
        data = self.folder / "data"
        data.mkdir()
        if self.user:
            os.chown(data, pwd.getpwnam(self.user).pw_uid, -1)
        # mariadbd itself runs a file at its start: one statement a line, no client needed.
        lines = ["CREATE DATABASE ejabberd CHARACTER SET utf8mb4;", "USE ejabberd;"]
        if schema:
            text = "\n".join(line for line in schema.read_text(encoding="utf-8").splitlines()
                             if not line.startswith("--"))
            lines += [" ".join(statement.split()) + ";" for statement in text.split(";") if statement.strip()]
        first = self.folder / "first.sql"
        first.write_text("\n".join(lines) + "\n", encoding="utf-8")
        first.chmod(0o644)
        self._first = f"--init-file={first}"
        await self.start()
        self._first = ""

    def command(self) -> list[str]:
        # Without the tables of users, which only a script of another package makes, it takes everybody.
        return [self.program, "--no-defaults", "--skip-grant-tables", f"--datadir={self.folder / 'data'}", f"--port={self.port}",
                "--bind-address=127.0.0.1", f"--socket={self.folder / 'socket'}", f"--pid-file={self.folder / 'pid'}",
                "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=16M", *([self._first] if self._first else [])]

    def options(self) -> dict[str, Any]:
        return {"sql_type": "mysql", "sql_server": "127.0.0.1", "sql_port": self.port, "sql_database": "ejabberd",
                "sql_username": "ejabberd", "sql_password": "unused"}


class SqlBed(Bed):
    """A testbed whose devices are in a database of its own. The tables come from our files, or from ejabberd where it
    makes them; `tables` false: from nowhere."""

    def __init__(self, kind: type[Database], multihost: bool = False, tables: bool = True, **more: Any) -> None:
        super().__init__(options={"db_type": "sql"}, **more)
        self.database = kind()
        self._schema = self.database.schema_file(multihost) if tables and not MAKES_TABLES else None
        # 23.01 knows the option by its former name; newer ones take that, too.
        self.more_config = self.database.options() | {"new_sql_schema": multihost, "sql_start_interval": 1}
        if MAKES_TABLES:
            self.more_config["update_sql_schema"] = tables

    async def __aenter__(self) -> "SqlBed":
        try:
            await self.database.create(self._schema)
        except BaseException:
            await self.close()
            raise
        await super().__aenter__()
        return self

    async def close(self, keep: bool = False) -> None:
        try:
            await super().close(keep)
        finally:
            await self.database.remove()
