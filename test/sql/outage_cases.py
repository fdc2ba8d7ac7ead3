"""What goes on and what does not while the database is away, or has not our tables."""

from typing import cast

from bed import Bed
from bed.phone import new_token
from bed.simulator import TOPIC
from bed.suite import Case, expect
from databases import MAKES_TABLES, SqlBed
from removal_cases import removals, unregister
from store_cases import THEN, binary, device, owner, register, tokens, us

AWAY = "The database of localhost does not answer"
BACK = "The database of localhost answers push devices again"
DONE = "Logouts and dead devices that the database had not taken are done"


async def until_registered(bed: Bed, described: str) -> None:
    """Registers as soon as the database takes it: no event tells when that is, so it is tried."""
    expect("the registration in the end", "ok", await bed.node.eval(
        f"""Try = fun T(0) -> late; T(N) ->
            case push_devices:register({described}) of ok -> ok; _ -> receive after 200 -> T(N - 1) end end
        end, Try(250)"""))


async def away(bed: Bed) -> None:
    """database away: messages and pushes to known users go on, registering is refused and not done later, said once"""
    bed = cast(SqlBed, bed)
    bob, unknown, alice = await bed.user(), await bed.user("unknown"), await bed.sender()
    token, phone = await bed.absent(bob), await bed.online(await bed.user("dave"))
    await bed.absent(unknown)
    who = owner()
    before = await bed.node.counters()
    await bed.node.eval(f'[apns_nif:forget_owner({binary(TOPIC)}, K) || '
                        f'{{_, K}} <- push_trigger:owner_keys({us((unknown.partition("@")[0], "localhost"))}, none)]')
    await bed.database.stop()
    since = await bed.simulator.end()
    alice.send(unknown, "to whom the engine does not know")
    alice.send(bob, "to whom it knows")
    # Well before the database is given up.
    await bed.simulator.next_push(since, token, seconds=3)
    refused = [await phone.enable_refused(new_token()) for _ in range(5)]
    expect("refusals", [("internal-server-error", "Database failure")] * 5, refused)
    expect("registration", ["error", "db_failure"], await bed.node.eval(f"push_devices:register({device(who, token)})"))
    expect("counted", True, (await bed.node.counters())["database_failed"] - before["database_failed"] >= 7)
    await bed.until_logged(AWAY)
    expect("times it was said", 1, (await bed.log()).count(AWAY))
    await bed.database.start()
    later = new_token()
    await until_registered(bed, device(who, later))
    await bed.until_logged(BACK)
    expect("what was registered", [later], await tokens(bed, who))
    expect("what was refused", [], await bed.stored(phone.jid))
    phone = await bed.online(unknown)
    expect("message", "to whom the engine does not know", await phone.next_message())


async def ends_while_away(bed: Bed) -> None:
    """database away: who logs out, dies or is removed is not pushed to any more, and gone from the database after it"""
    bed = cast(SqlBed, bed)
    alice = await bed.sender()
    bob, carol, dave, erin = [await bed.user(name) for name in ("bob", "carol", "dave", "erin")]
    tablet = await bed.absent(bob)
    phone, leaving = await bed.registered(bob, remove_on_logout="true")
    dead, alive = await bed.absent(carol), await bed.absent(carol)
    removed = await bed.absent(dave)
    lost, forgotten = await bed.registered(erin, remove_on_logout="true")
    await lost.vanish()
    await bed.settle(erin)
    await bed.pushes(await bed.simulator.end())
    before, log = await bed.node.counters(), await bed.log()
    await bed.database.stop()
    await phone.logout()
    await bed.simulator.uninstall(dead)
    since = await bed.simulator.end()
    alice.send(carol, "one")
    await bed.simulator.next_push(since, dead)
    # Her session begins when nobody can tell it which devices it has.
    await (await bed.online(erin)).logout()
    await bed.node.eval(f'ejabberd_auth:remove_user(<<"{dave.partition("@")[0]}">>, <<"localhost">>)')
    await bed.settle(bob, carol, erin)
    since = await bed.simulator.end()
    for jid in (bob, carol, dave, erin):
        alice.send(jid, "two")
    pushed = [push.token for push in await bed.pushes(since, bob, carol, dave, erin)]
    expect("pushes", sorted([tablet, alive]), sorted(pushed))
    counted = await bed.node.counters()
    expect("kept, dropped", (4, 0), (counted["ends_kept"] - before["ends_kept"], counted["ends_dropped"]))
    await bed.database.start()
    await bed.until_logged(f"{DONE}: 4")
    new = (await bed.log())[len(log):]
    expect("times each was said", [1, 1, 1], [new.count(line) for line in (AWAY, BACK, DONE)])
    expect("lines about each device", [1] * 4,
           [new.count(f"Device {token[:8]}") for token in (leaving, dead, removed, forgotten)])
    for jid, left in ((bob, [tablet]), (carol, [alive]), (dave, []), (erin, [])):
        expect(f"tokens of {jid}", left, await bed.stored(jid))
    since = await bed.simulator.end()
    for jid in (bob, carol, erin):
        alice.send(jid, "three")
    pushed = [push.token for push in await bed.pushes(since, bob, carol, erin)]
    expect("pushes in the end", sorted([tablet, alive]), sorted(pushed))


async def cold_start(bed: Bed) -> None:
    """started while the database is away: messages go; when it is back, one look-up for a burst, and one push for each message"""
    bed = cast(SqlBed, bed)
    bob, carol = await bed.user(), await bed.user("carol")
    token = await bed.absent(bob)
    # Or it would be written, and the outage be said, when the node stops.
    await bed.node.eval("push_usage:flush()")
    said = (await bed.log()).count(AWAY)
    await bed.database.stop()
    if MAKES_TABLES:
        # Looking for its tables, ejabberd would wait for the database before it starts.
        bed.more_config["update_sql_schema"] = False
        bed.write_config()
    await bed.restart_node()
    alice, phone = await bed.sender(), await bed.online(carol)
    alice.send(carol, "to who is there")
    expect("message", "to who is there", await phone.next_message())
    since = await bed.simulator.end()
    alice.send(bob, "to who is not")
    await alice.round_trip()
    await bed.settle(bob)
    counted = await bed.node.counters()
    expect("messages not pushed, pushes", (1, 0), (counted["unread"], counted["pushes"]))
    expect("times it was said", said + 1, (await bed.log()).count(AWAY))
    await bed.database.start()
    await until_registered(bed, device(owner(), new_token()))
    before = await bed.node.counters()
    await bed.node.eval("sys:suspend(push_loader)")
    for number in range(10):
        alice.send(bob, f"in a burst: {number}")
    await alice.round_trip()
    await bed.node.eval("sys:resume(push_loader)")
    await bed.settle(bob)
    counted = await bed.node.counters()
    expect("look-ups, pushes", (1, 10), tuple(counted[name] - before[name] for name in ("loaded", "pushes")))
    pushed = [push.token for push in await bed.pushes(since, bob)]
    expect("tokens pushed to, and how often", ({token}, True), (set(pushed), 1 <= len(pushed) <= 10))


async def load_tables(bed: SqlBed) -> None:
    """What an admin does by hand, into a database that may have some of it."""
    file = bed.database.schema_file(multihost=True)
    text = "\n".join(line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("--"))
    for statement in text.split(";"):
        if statement.strip():
            answer = await bed.node.eval(f'ejabberd_sql:sql_query(<<"localhost">>, [{binary(statement.strip())}])')
            expect(f"no error in {answer}", False, "error" in str(answer))


async def no_tables(bed: Bed) -> None:
    """without our tables ejabberd starts, says which file to load, and needs no restart when it is loaded"""
    bed = cast(SqlBed, bed)
    file = bed.database.schema_file(multihost=True)
    said = f"has not the tables of mod_push_service: load {bed.node.applications}/mod_push_service/priv/sql/{file.name}"
    bob = await bed.user()
    phone = await bed.online(bob)
    token = new_token()
    expect("refusal", ("internal-server-error", "Database failure"), await phone.enable_refused(token))
    log = await bed.log()
    expect(f"times {said!r} was said of localhost", 1, log.count(f"The database of localhost {said}"))
    expect("the token in the log", False, token in log)
    await load_tables(bed)
    who = owner()
    await until_registered(bed, device(who, token))
    expect("tokens", [token], await tokens(bed, who))
    # It had to do without the server's key when it started.
    expect("the kind of key", "kept", await bed.node.eval('push_settings:mac_key_kind(<<"localhost">>)'))


async def former_tables(bed: Bed) -> None:
    """with the tables of a former version all goes on but that nothing is kept of removals, until the file is loaded again"""
    bed = cast(SqlBed, bed)
    who, first, second, third = owner(), new_token(), new_token(), new_token()
    said = "The database of localhost has no table push_removal"
    await register(bed, device(who, first), device(who, second), device(who, third))
    await bed.node.eval('ejabberd_sql:sql_query(<<"localhost">>, [<<"drop table push_removal">>])')
    before = await bed.node.counters()
    await unregister(bed, who, first)
    await unregister(bed, who, second)
    expect("tokens", [third], await tokens(bed, who))
    expect("what is told", ["error", "db_failure"], await bed.node.eval(f"push_removals:list({us(who)})"))
    after = await bed.node.counters()
    expect("not kept", 2, after["removals_dropped"] - before["removals_dropped"])
    expect("failures of the database", before["database_failed"], after["database_failed"])
    expect("times it was said", 1, (await bed.log()).count(said))
    # An account's removal is whole all the same, and not to be repeated.
    leaver = owner()
    await register(bed, device(leaver, new_token()))
    await bed.node.eval(f"push_devices:remove_user({us(leaver)})")
    expect("the leaver's tokens", [], await tokens(bed, leaver))
    expect("ends that wait", before["ends_kept"], (await bed.node.counters())["ends_kept"])
    await load_tables(bed)
    expect("what is told in the end", [], await bed.node.eval(
        f"""Try = fun T(0) -> late; T(N) ->
            case push_removals:list({us(who)}) of {{ok, Rs}} -> Rs; _ -> receive after 200 -> T(N - 1) end end
        end, Try(250)"""))
    await unregister(bed, who, third)
    expect("removals", [[third[:8] + "...", "a test"]], await removals(bed, who))


async def failing_query(bed: Bed) -> None:
    """a query that the database refuses is logged without the token in it, and refuses nobody else's"""
    who, token = owner(), new_token()
    expect("its answer", ["error", "db_failure"], await bed.node.eval(
        f'push_sql:query(<<"localhost">>, fun() -> ejabberd_sql:sql_query_t([<<"selec \'{token}\'">>]) end)'))
    log = await bed.log()
    expect("the query in the log, and the token", (True, False), (f"selec '{token[:8]}...'" in log, token in log))
    await register(bed, device(who, token))


async def raced(bed: Bed) -> None:
    """a device that is registered again while it is being removed stays"""
    who, token = owner(), new_token()
    await register(bed, device(who, token))
    gone = await bed.node.eval(
        f"""Again = {device(who, token, 1_800_000_000_000)},
        push_devices:unregister({us(who)}, fun(#{{registered_at := At}}) ->
            Me = self(), Tag = make_ref(),
            spawn(fun() -> Me ! {{Tag, push_devices:register(Again)}} end),
            receive {{Tag, ok}} -> At =:= {THEN} end
        end, <<"of a test">>)""")
    expect("gone", ["ok", []], gone)
    expect("tokens", [token], await tokens(bed, who))


async def raced_use(bed: Bed) -> None:
    """a device that is registered again while its last use is being written is as it was registered"""
    who, token = owner(), new_token()
    await register(bed, device(who, token))
    # From MariaDB 11.6 on the transaction begins again, and finds the later registration.
    written = await bed.node.eval(
        f"""Again = {device(who, token, THEN + 1)},
        push_devices_sql:update(<<"localhost">>, {binary(TOPIC)}, [{{{binary(token)}, note}}], fun
            (#{{registered_at := {THEN}}} = Device, note) ->
                Me = self(), Tag = make_ref(),
                spawn(fun() -> Me ! {{Tag, push_devices:register(Again)}} end),
                receive {{Tag, ok}} -> Device#{{last_used => 5}} end;
            (Device, note) ->
                Device
        end)""")
    expect("written", ["ok", 0], written)
    expect("the device", True, await bed.node.eval(
        f"push_devices:list({us(who)}) =:= {{ok, [{device(who, token, THEN + 1)}]}}"))


OF_SERVERS: list[Case] = [raced, raced_use, away, ends_while_away, cold_start]
