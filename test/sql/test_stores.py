"""The same promises of every store, and a phone's life on each: Mnesia, SQLite, PostgreSQL, MariaDB; then each database
with two vhosts in it, its tables loaded late, two vhosts whose stores differ, a change of the store, and a store
that is full."""

import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

import load_cases  # noqa: E402
import outage_cases  # noqa: E402
import phone_cases  # noqa: E402
import removal_cases  # noqa: E402
import store_cases  # noqa: E402
import transfer_cases  # noqa: E402
import vhost_cases  # noqa: E402
from bed import Bed  # noqa: E402
from bed.suite import Suite, run  # noqa: E402
from databases import OTHER_HOST, Database, Mariadb, Postgres, Server, SqlBed, Sqlite  # noqa: E402

HOSTS = ("localhost", OTHER_HOST)
STORES = store_cases.CASES + removal_cases.CASES
ALL = STORES + transfer_cases.CASES + phone_cases.CASES
SQL = (Sqlite, Postgres, Mariadb)


def alone(kind: type[Database]) -> Suite:
    # SQLite is never away, and has one connection: there is nothing to race with.
    more = outage_cases.OF_SERVERS if issubclass(kind, Server) else []
    # Names of users are limited in MySQL only.
    more = more + [transfer_cases.too_much] if kind is Mariadb else more
    return Suite(kind.name, lambda: SqlBed(kind), [outage_cases.failing_query, *ALL, *more])


def shared(kind: type[Database]) -> Suite:
    return Suite(f"{kind.name}, multihost", lambda: SqlBed(kind, multihost=True, tables=False, hosts=HOSTS),
                 [outage_cases.no_tables, outage_cases.former_tables, *vhost_cases.CASES, *STORES])


class Changing(SqlBed):
    """Devices are in Mnesia, and a database is at hand."""

    def __init__(self, kind: type[Database]) -> None:
        super().__init__(kind)
        self.options = {"db_type": "mnesia"}


def changing(kind: type[Database]) -> Suite:
    return Suite(f"{kind.name}, a change of stores", lambda: Changing(kind), transfer_cases.CHANGES)


class Mixed(SqlBed):
    """One vhost in SQLite, the other in Mnesia."""

    def write_config(self) -> None:
        self.more_config["host_config"] = {OTHER_HOST: {"modules": self.module_config(db_type="mnesia")}}
        super().write_config()


def full(name: str, make: Callable[[], Bed]) -> Suite:
    return Suite(f"{name}, many devices", make, load_cases.CASES)


run(Suite("Mnesia", Bed, ALL), *(alone(kind) for kind in SQL), *(shared(kind) for kind in SQL), *(changing(kind) for kind in SQL),
    full("Mnesia", Bed), *(full(kind.name, lambda kind=kind: SqlBed(kind)) for kind in SQL),
    Suite("two stores", lambda: Mixed(Sqlite, hosts=HOSTS), vhost_cases.CASES), together=2)
