"""Very many devices, written straight into a store: two of each user's, whose names and tokens are known by number."""

import hashlib
import sqlite3

from bed import Bed
from bed.simulator import TOPIC
from databases import Mariadb, Postgres, Sqlite, SqlBed

# Written in one go.
STEP = 20_000
COLUMNS = ("username, app, token, kind, device_id, node, name, resource, content, language, remove_on_logout, registered_at, "
           "more")
THEN = 1_700_000_000_000


def user(number: int) -> str:
    """The owner of the devices 2 * number and 2 * number + 1."""
    return f"many{number}"


def token(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


async def fill(bed: Bed, devices: int) -> None:
    for first in range(0, devices, STEP):
        await _write(bed, first, min(first + STEP, devices) - 1)


async def accounts(bed: Bed, *numbers: int) -> None:
    """Messages to users without an account come back."""
    names = ",".join(f'<<"{user(number)}">>' for number in numbers)
    await bed.node.eval(f'[ejabberd_auth:try_register(U, <<"localhost">>, <<"secret">>) || U <- [{names}]], ok')


async def _write(bed: Bed, first: int, last: int) -> None:
    database = bed.database if isinstance(bed, SqlBed) else None
    if database is None:
        await bed.node.eval(
            f"""mnesia:async_dirty(fun() -> [mnesia:write({{push_device,
                {{<<"{TOPIC}">>, string:lowercase(binary:encode_hex(crypto:hash(sha256, integer_to_binary(N))))}},
                {{<<"many", (integer_to_binary(N div 2))/binary>>, <<"localhost">>}}, {THEN},
                #{{kind => alert, device_id => <<"phone", (integer_to_binary(N))/binary>>, node => <<>>,
                name => <<"A phone">>, resource => <<"phone">>, content => body, language => <<"en">>,
                remove_on_logout => true}}}}) || N <- lists:seq({first}, {last})], ok end)""")
    elif isinstance(database, Sqlite):
        rows = ((user(n // 2), TOPIC, token(n), "alert", f"phone{n}", "", "A phone", "phone", "body", "en", True, THEN, "")
                for n in range(first, last + 1))
        connection = sqlite3.connect(database.folder / "ejabberd.db", timeout=30)
        with connection:
            connection.executemany(f"INSERT INTO push_device ({COLUMNS}) VALUES ({','.join('?' * 13)})", rows)
        connection.close()
    else:
        source, name, digest, phone = {
            Postgres: (f"generate_series({first}, {last}) AS n", "'many' || n / 2", "encode(sha256(n::text::bytea), 'hex')",
                       "'phone' || n"),
            Mariadb: (f"(SELECT seq AS n FROM seq_{first}_to_{last}) AS s", "concat('many', n div 2)", "sha2(n, 256)",
                      "concat('phone', n)"),
        }[type(database)]
        statement = (f"INSERT INTO push_device ({COLUMNS}) SELECT {name}, '{TOPIC}', {digest}, 'alert', {phone}, '', 'A phone', "
                     f"'phone', 'body', 'en', true, {THEN}, '' FROM {source}")
        await bed.node.eval(f'{{updated, _}} = ejabberd_sql:sql_query(<<"localhost">>, <<"{statement}">>), ok')
