"""What counts as a logout, with devices in SQLite, PostgreSQL and MariaDB; test/e2e has the same for Mnesia."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from bed.suite import run  # noqa: E402
from databases import Database, Mariadb, Postgres, SqlBed, Sqlite  # noqa: E402
from logout_matrix import MODULES, WebBed, suite  # noqa: E402


class WebSqlBed(WebBed, SqlBed):
    """Both."""


def of(kind: type[Database]) -> WebSqlBed:
    return WebSqlBed(kind, modules=MODULES)


run(suite(Sqlite.name, lambda: of(Sqlite)), suite(Postgres.name, lambda: of(Postgres)),
    suite(Mariadb.name, lambda: of(Mariadb)), together=2)
