"""Starts, stops and failures: what an operator does and what breaks, while messages go on."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from bed import Bed, Unexpected
from bed.node import copy_applications
from bed.paths import APPLICATIONS
from bed.phone import new_token
from bed.simulator import TOPIC
from bed.suite import Suite, expect, run

plain = Suite("life of the module", Bed)
OTHER_HOST = "other.localhost"
two_hosts = Suite("two vhosts", lambda: Bed(hosts=("localhost", OTHER_HOST)))


@plain.case
async def stopped_and_started(bed: Bed) -> None:
    """the module may be stopped and started while the node runs: messages arrive throughout, pushes when it runs"""
    bob, alice = await bed.user(), await bed.sender()
    token = await bed.absent(bob)
    since = await bed.simulator.end()
    for _ in range(3):
        await bed.node.eval('gen_mod:stop_module(<<"localhost">>, mod_push_service)')
        expect("processes of ours", "undefined", await bed.node.eval("whereis(push_service_sup)"))
        alice.send(bob, "while it is stopped")
        await alice.round_trip()
        await bed.node.eval('gen_mod:start_module(<<"localhost">>, mod_push_service)')
        alice.send(bob, "while it runs")
        await alice.round_trip()
    expect("tokens", [token] * 3, [push.token for push in await bed.pushes(since, bob)])
    phone = await bed.online(bob)
    expect("messages", ["while it is stopped", "while it runs"] * 3, [await phone.next_message() for _ in range(6)])


@plain.case
async def same_ids(bed: Bed) -> None:
    """a conversation keeps its thread id over a restart of the module, since apps keep what they are given"""
    bob, alice = await bed.user(), await bed.sender()
    await bed.absent(bob)
    threads = []
    for _ in range(2):
        since = await bed.simulator.end()
        alice.send(bob, "hello")
        threads.append((await bed.simulator.next_push(since)).aps["thread-id"])
        await bed.node.eval('gen_mod:stop_module(<<"localhost">>, mod_push_service)')
        await bed.node.eval('gen_mod:start_module(<<"localhost">>, mod_push_service)')
    expect("thread ids", threads[0], threads[1])


@plain.case
async def reloaded(bed: Bed) -> None:
    """a reload changes what may be shown, at once and for devices the engines know already; the stricter wish wins"""
    bob, alice = await bed.user(), await bed.sender()
    open_token, strict_token = await bed.absent(bob), await bed.absent(bob, content="none")
    sender_token = await bed.absent(bob, content="sender")
    for content, shown in (
        ("none", ("New message", "New message", "New message")),
        ("body", (f"{alice.jid} / the text", "New message", f"{alice.jid} / New message")),
        ("sender", (f"{alice.jid} / New message", "New message", f"{alice.jid} / New message")),
        ("none", ("New message", "New message", "New message")),
    ):
        await bed.node.reload(bed.module_config(content=content))
        since = await bed.simulator.end()
        alice.send(bob, "the text")
        pushes = {push.token: push.shown for push in await bed.pushes(since, bob)}
        expect(f"shown with content: {content}",
               dict(zip((open_token, strict_token, sender_token), shown, strict=True)), pushes)


@plain.case
async def texts(bed: Bed) -> None:
    """quotes, escapes, control characters, emoji and markup reach the phone as they were written, long ones cut off"""
    bob, alice = await bed.user(), await bed.sender()
    await bed.node.reload(bed.module_config(content="body"))
    await bed.absent(bob, content="body")
    since = await bed.simulator.end()
    sent = ['"}],{"aps":1}', '\\u0000 \\ \n\ttab', "<b>&amp;</b>", "\u202eabc \u2028 \x7f", "\U0001f600" * 100, "x" * 100_000]
    for text in sent:
        alice.send(bob, text)
    bodies = [push.aps["alert"]["body"] for push in await bed.pushes(since, bob)]
    expect("the texts", sent[:-1], bodies[:-1])
    expect("the long one's end", True, bodies[-1].startswith("xxxxxxxx") and bodies[-1].endswith("\u2026"))
    await bed.node.reload(bed.module_config())


@plain.case
async def apps(bed: Bed) -> None:
    """an app may be added and removed by reload; with two the client has to say which"""
    bob, alice = await bed.user(), await bed.sender()
    phone = await bed.online(bob)
    both = {"apps": {TOPIC: bed.simulator.app(), "beta": bed.simulator.app() | {"topic": TOPIC}}}
    await bed.node.reload(bed.module_config(**both))
    condition, text = await phone.enable_refused(new_token())
    expect("refusal", ("item-not-found", f"Say which app: field 'app' takes one of: beta, {TOPIC}"), (condition, text))
    tokens = {app: new_token() for app in ("beta", TOPIC)}
    for app, token in tokens.items():
        await phone.enable(token, app=app)
    await phone.vanish()
    await bed.settle(bob)
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    # Each app has an engine of its own, so one app's push says nothing about the other's.
    for token in tokens.values():
        await bed.simulator.next_push(since, token)
    expect("pushes", 2, len(await bed.pushes(since, bob)))
    await bed.node.reload(bed.module_config())
    expect("apps that run", [TOPIC], await bed.node.eval("push_apps:running()"))
    since = await bed.simulator.end()
    alice.send(bob, "hello again")
    expect("tokens", [tokens[TOPIC]], [push.token for push in await bed.pushes(since, bob)])


@plain.case
async def wrong_key(bed: Bed) -> None:
    """a key that is none is one log line with the option's path; the app is up again when the key is right"""
    bob, alice = await bed.user(), await bed.sender()
    token = await bed.absent(bob)
    key = bed.folder / "AuthKey.p8"
    key.write_text("-----BEGIN PRIVATE KEY-----\nbm8ga2V5\n-----END PRIVATE KEY-----\n")
    wrong = {TOPIC: bed.simulator.app() | {"key_file": str(key)}}
    await bed.node.reload(bed.module_config(apps=wrong))
    line = f"modules->mod_push_service->apps->{TOPIC}->key_file: "
    expect(f"the line {line!r}", 1, (await bed.log()).count(line))
    alice.send(bob, "while it is down")
    await alice.round_trip()
    since = await bed.simulator.end()
    shutil.copy(bed.simulator.ready["key_file"], key)
    await bed.until_running(TOPIC)
    alice.send(bob, "while it is up")
    expect("tokens", [token], [push.token for push in await bed.pushes(since, bob)])
    expect("the line, still", 1, (await bed.log()).count(line))
    await bed.node.reload(bed.module_config())


@plain.case
async def settings(bed: Bed) -> None:
    """the engine's bounds and times are options of an app, in ejabberd's units"""
    more = {"queue_limit": 7, "queue_timeout": "10 minutes", "ping_interval": 90, "max_connections": 1,
            "reconnect_min_interval": "500 ms", "index_authorization": True}
    await bed.node.reload(bed.module_config(apps={TOPIC: bed.simulator.app() | more}))
    expect("apps that run", [TOPIC], await bed.node.eval("push_apps:running()"))
    config = f'maps:get(<<"{TOPIC}">>, gen_mod:get_module_opt(<<"localhost">>, mod_push_service, apps))'
    names = ", ".join(more)
    expect("options", {"queue_limit": 7, "queue_timeout": 600000, "ping_interval": 90000, "max_connections": 1,
                       "reconnect_min_interval": 500, "index_authorization": True},
           await bed.node.eval(f"maps:with([{names}], {config})"))
    expect("the engine's", "ok", await bed.node.eval(f'apns_nif:start_app(<<"{TOPIC}">>, ({config})#{{registry => cache}})'))
    expect("the engine's, stopped", "ok", await bed.node.eval(f'apns_nif:stop_app(<<"{TOPIC}">>, 0)'))
    await bed.node.reload(bed.module_config())


@plain.case
async def wrong_options(bed: Bed) -> None:
    """an option that is wrong is refused with its path and what is possible, and the module runs on as before"""
    bob, alice = await bed.user(), await bed.sender()
    token = await bed.absent(bob)
    app = bed.simulator.app()
    path = f"modules->mod_push_service->apps->{TOPIC}"
    for config, place, said in (
        ({"apps": {}}, "modules->mod_push_service->apps", "name at least one app"),
        ({"content": "everything"}, "modules->mod_push_service->content", "everything"),
        ({"apps": {TOPIC: app | {"key_file": "/nowhere/AuthKey.p8"}}}, f"{path}->key_file", "no such file"),
        ({"apps": {TOPIC: app | {"key_id": "short"}}}, f"{path}->key_id", "ten characters"),
        ({"apps": {TOPIC: app | {"environment": "http://127.0.0.1"}}}, f"{path}->environment", "https://host[:port]"),
        ({"apps": {TOPIC: app | {"certificate_file": app["key_file"]}}}, path, "exclude each other"),
        ({"apps": {TOPIC: {"key_file": app["key_file"]}}}, path, "missing: key_id, team_id"),
        ({"apps": {TOPIC: {"certificate_file": app["key_file"], "index_authorization": True}}}, path,
         "index_authorization is for provider tokens"),
        ({"apps": {TOPIC: app | {"index_authorization": "always"}}}, f"{path}->index_authorization", "boolean"),
        ({"apps": {TOPIC: app | {"queue_limits": 7}}}, path, "queue_limits"),
        ({"apps": {TOPIC: app | {"max_connections": 101}}}, f"{path}->max_connections", "from 1 to 100"),
        ({"apps": {TOPIC: app | {"queue_timeout": "10 ms"}}}, f"{path}->queue_timeout", "100 ms to 2592000 s"),
        ({"apps": {TOPIC: app | {"reconnect_max_interval": "100 ms"}}}, path, "is less than reconnect_min_interval"),
        ({"apps": {TOPIC: app | {"password": "x"}}}, path, "password is for the key of a certificate_file"),
        ({"apps": {TOPIC: app | {"ping_timeout": "soon"}}}, f"{path}->ping_timeout", "such as 10 seconds or 500 ms"),
    ):
        refusal = await bed.node.refused_reload(bed.module_config(**config))
        unquoted = refusal.replace("'", "")
        expect(f"{place!r} in {refusal!r}", True, place in unquoted)
        expect(f"{said!r} in {refusal!r}", True, said in refusal)
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    expect("tokens", [token], [push.token for push in await bed.pushes(since, bob)])


@plain.case
async def thousand(bed: Bed) -> None:
    """Apple is killed and starts again in the middle of 1000 messages: all are delivered, each push has one outcome"""
    bob, alice = await bed.user(), await bed.sender()
    await bed.absent(bob)
    before = await bed.engine()
    for number in range(1000):
        alice.send(bob, f"message {number}")
        if number == 400:
            await alice.round_trip()
            await bed.simulator.kill()
    await alice.round_trip()
    await bed.simulator.start()
    after = await bed.engine_at_rest()
    taken = after["taken"] - before["taken"]
    ended = sum(after[name] - before[name] for name in ("accepted", "rejected", "failed"))
    expect("pushes taken", 1000, taken)
    expect("outcomes", taken, ended)
    expect("rejected", 0, after["rejected"] - before["rejected"])
    phone = await bed.online(bob)
    messages = [await phone.next_message() for _ in range(1000)]
    expect("messages in order", [f"message {number}" for number in range(1000)], messages)
    expect("crashes", 0, (await bed.node.counters())["hook_crashed"])


@two_hosts.case
async def shared_app(bed: Bed) -> None:
    """two vhosts share one app; one may go, the other's pushes go on; a token moves between them too"""
    bob, carol = await bed.user("bob"), await bed.user("carol", OTHER_HOST)
    alice = await bed.sender()
    tokens = {bob: await bed.absent(bob), carol: await bed.absent(carol)}
    expect("apps that run", [TOPIC], await bed.node.eval("push_apps:running()"))
    since = await bed.simulator.end()
    for jid in (bob, carol):
        alice.send(jid, "hello")
    expect("tokens", list(tokens.values()), [push.token for push in await bed.pushes(since, bob, carol)])

    await bed.absent(carol, tokens[bob])
    expect("bob's tokens", [], await bed.stored(bob))
    expect("carol's tokens", sorted(tokens.values()), sorted(await bed.stored(carol)))

    await bed.node.eval(f'gen_mod:stop_module(<<"{OTHER_HOST}">>, mod_push_service)')
    since = await bed.simulator.end()
    alice.send(carol, "her vhost has no pushes now")
    expect("tokens", [], [push.token for push in await bed.pushes(since, carol)])
    await bed.node.eval(f'gen_mod:start_module(<<"{OTHER_HOST}">>, mod_push_service)')
    alice.send(carol, "and now it has")
    expect("tokens", sorted(tokens.values()), sorted(push.token for push in await bed.pushes(since, carol)))


@two_hosts.case
async def foreign_command(bed: Bed) -> None:
    """a user of one vhost registers nothing at another"""
    carol = await bed.user("carol", OTHER_HOST)
    phone = await bed.online(carol)
    answer = await phone.ask("<command xmlns='http://jabber.org/protocol/commands' node='list-push-registrations'/>",
                             to="localhost", expect_error=True)
    expect("condition", "forbidden", answer["error"]["condition"])


@two_hosts.case
async def conflict(bed: Bed) -> None:
    """the same app with other options on another vhost is one log line, and the one that runs goes on"""
    bob, alice = await bed.user(), await bed.sender()
    token = await bed.absent(bob)
    ours = bed.module_config()["mod_push_service"]
    other = {"apps": {TOPIC: bed.simulator.app() | {"key_id": "OTHERKEY01"}}}
    bed.node.write_config(list(bed.hosts), bed.modules, append_host_config={
        "localhost": {"modules": {"mod_push_service": ours}}, OTHER_HOST: {"modules": {"mod_push_service": other}}})
    expect("reload", "ok", await bed.node.eval("ejabberd_config:reload()"))
    await bed.until_logged(f"{OTHER_HOST}: modules->mod_push_service->apps->{TOPIC} differs in [key_id]")
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    expect("tokens", [token], [push.token for push in await bed.pushes(since, bob)])


@two_hosts.case
async def last_vhost(bed: Bed) -> None:
    """the last vhost that names an app goes while push_apps is down: the app goes with it, the others go on"""
    ours = bed.module_config()["mod_push_service"]
    other = {"apps": {"beta": bed.simulator.app() | {"topic": TOPIC}}}
    bed.node.write_config(list(bed.hosts), bed.modules, append_host_config={
        "localhost": {"modules": {"mod_push_service": ours}}, OTHER_HOST: {"modules": {"mod_push_service": other}}})
    expect("reload", "ok", await bed.node.eval("ejabberd_config:reload()"))
    while_down, after = await bed.node.eval(
        f"""Old = whereis(push_apps), Monitor = monitor(process, Old),
        sys:suspend(push_service_sup),
        exit(Old, kill),
        receive {{'DOWN', Monitor, _, _, _}} -> ok end,
        gen_mod:stop_module(<<"{OTHER_HOST}">>, mod_push_service),
        WhileDown = lists:sort(push_apps:running()),
        sys:resume(push_service_sup),
        Again = fun A() -> case whereis(push_apps) of undefined -> erlang:yield(), A(); P -> sys:get_state(P) end end,
        Again(),
        {{WhileDown, push_apps:running()}}""")
    expect("apps that run while push_apps is down", ["beta", TOPIC], while_down)
    expect("apps that run afterwards", [TOPIC], after)


def without_library() -> Bed:
    folder = Path(tempfile.mkdtemp(prefix="push-e2e-lib-"))
    applications = copy_applications(folder)
    (applications / "apns_nif" / "priv" / "apns_nif.so").unlink()
    bed = Bed(applications=applications)
    bed.remove_at_end.append(folder)
    return bed


no_library = Suite("without the library", without_library)


@no_library.case
async def degraded(bed: Bed) -> None:
    """ejabberd starts without the library, says so once, delivers, registers; pushes go out when it is there"""
    bob, alice = await bed.user(), await bed.sender()
    token = await bed.absent(bob)
    alice.send(bob, "without pushes")
    await alice.round_trip()
    expect("log lines", 1, (await bed.log()).count(f"Push app {TOPIC} is down"))
    expect("counted", 1, (await bed.node.counters())["app_down"])
    since = await bed.simulator.end()
    library = Path(await bed.node.eval("unicode:characters_to_binary(code:priv_dir(apns_nif))")) / "apns_nif.so"
    shutil.copy(APPLICATIONS / "apns_nif" / "priv" / "apns_nif.so", library.with_suffix(".new"))
    library.with_suffix(".new").rename(library)
    await bed.until_running(TOPIC)
    alice.send(bob, "with pushes")
    expect("tokens", [token], [push.token for push in await bed.pushes(since, bob)])
    phone = await bed.online(bob)
    expect("messages", ["without pushes", "with pushes"], [await phone.next_message() for _ in range(2)])


unreachable = Suite("Apple out of reach", Bed)


@unreachable.case
async def nobody_answers(bed: Bed) -> None:
    """with an Apple that accepts TCP and never answers, messages are delivered as before and hooks return at once"""
    bob, alice = await bed.user(), await bed.sender()
    await bed.absent(bob)
    await bed.simulator.script({"listener": "silent"}, {"now": "cut"})
    desk = await bed.online(await bed.user("carol"), "desk")
    for number in range(200):
        alice.send(bob, f"to the absent {number}")
        alice.send(desk.jid, f"{number}")
    expect("messages", [f"{number}" for number in range(200)], [await desk.next_message() for _ in range(200)])
    micros = await bed.node.eval(
        '[element(1, timer:tc(fun() -> apns_nif:notify(<<"im.example.chat">>, <<"' + bob + '">>, #{body => <<"x">>}) '
        'end)) || _ <- lists:seq(1, 1000)]')
    expect("the median of notify below a millisecond", True, sorted(micros)[500] < 1000)
    # A call that waited for Apple would wait for seconds; the machine may be busy with other things for a moment.
    expect("the slowest notify below half a second", True, max(micros) < 500_000)
    await bed.simulator.script({"listener": "serve"})


@unreachable.case
async def start_without_apple(bed: Bed) -> None:
    """ejabberd starts while nobody listens at Apple's address, and pushes go out when somebody does"""
    bob = await bed.user()
    token = await bed.absent(bob)
    await bed.sender()
    await bed.simulator.kill()
    await bed.restart_node()
    alice = await bed.sender()
    alice.send(bob, "nobody there yet")
    await alice.round_trip()
    await bed.simulator.start()
    push = await bed.simulator.next_push(1, token)
    expect("status", 200, push.status)


async def refused_configurations() -> tuple[int, int]:
    """Options that ejabberd must refuse, with their path. Each starts an ejabberd of its own."""
    apps = ("modules", "mod_push_service", "apps", TOPIC)
    rows: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
        ("key_id", {"key_id": "short"}, (*apps, "key_id", "ten characters of A-Z and 0-9")),
        ("team_id", {"team_id": "lowercase1"}, (*apps, "team_id", "ten characters of A-Z and 0-9")),
        ("team_id that is a number", {"team_id": 1234567890}, (*apps, "team_id", "quoted, if all are digits")),
        ("key_file that is not there", {"key_file": "/nowhere/AuthKey.p8"}, (*apps, "key_file")),
        ("environment", {"environment": "prod"},
         (*apps, "environment", "production, sandbox, or https://host[:port]")),
        ("unknown option", {"colour": "red"}, (*apps, "Unknown option: colour")),
        ("missing key_id", {"key_id": None}, (*apps, "missing: key_id")),
        ("content", {"": {"content": "everything"}}, ("modules", "mod_push_service", "content")),
        ("no apps", {"": {"apps": {}}}, ("modules", "mod_push_service", "apps", "at least one app")),
    ]
    passed = failed = 0
    for name, change, words in rows:
        bed = Bed()
        try:
            await bed.simulator.start()
            app = {key: value for key, value in (bed.simulator.app() | change).items() if key and value is not None}
            bed.options = {"apps": {TOPIC: app}} | change.get("", {})
            bed.write_config()
            log = await bed.node.fail_to_start()
            for word in words:
                expect(f"{word!r} in the log", True, word in log)
            print(f"ok   configuration: wrong {name} is refused with its path", flush=True)
            passed += 1
        except Unexpected as error:
            print(f"FAIL configuration: wrong {name}: {error}\n{bed.node.log_text()[-2000:]}", flush=True)
            failed += 1
        finally:
            await bed.close()
    return passed, failed


if __name__ == "__main__":
    run(plain, two_hosts, no_library, unreachable, more=refused_configurations)
