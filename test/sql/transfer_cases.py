"""Devices of a vhost into a file and back: what an import may do to what is there, and a change from one store to another."""

import json
import secrets
from pathlib import Path
from typing import Any

from bed import Bed
from bed.phone import new_token
from bed.simulator import TOPIC
from bed.suite import Case, expect
from databases import MAKES_TABLES
from store_cases import THEN, binary, device, owner, register, tokens, us

CASES: list[Case] = []
CHANGES: list[Case] = []

HEADER = {"format": "mod_push_service devices", "version": 1, "host": "localhost", "count": 0}


def case(function: Case) -> Case:
    CASES.append(function)
    return function


def change(function: Case) -> Case:
    CHANGES.append(function)
    return function


def path(bed: Bed, name: str = "devices") -> Path:
    return bed.folder / f"{name}-{secrets.token_hex(4)}.jsonl"


def line(who: tuple[str, str], token: str, at: int = THEN, **fields: Any) -> dict[str, Any]:
    return {"user": who[0], "app": TOPIC, "token": token, "registered_at": at} | fields


def file_of(bed: Bed, *lines: dict[str, Any] | str, **header: Any) -> Path:
    """A file as export writes it; a line may be any text."""
    texts = [each if isinstance(each, str) else json.dumps(each) for each in lines]
    written = path(bed)
    written.write_text("\n".join([json.dumps(HEADER | {"count": len(lines)} | header), *texts]) + "\n", encoding="utf-8")
    return written


async def command(bed: Bed, name: str, *arguments: object) -> tuple[bool, str]:
    """What mod_http_api would answer: whether it is well, and the sentence."""
    given = ",".join(binary(str(argument)) for argument in arguments)
    answer = await bed.node.eval(f"push_commands:{name}({given})")
    return answer[0] == "ok", answer[-1]


async def well(bed: Bed, name: str, *arguments: object) -> str:
    ok, sentence = await command(bed, name, "localhost", *arguments)
    expect(f"{name}: {sentence}", True, ok)
    return sentence


async def refused(bed: Bed, name: str, *arguments: object) -> str:
    ok, sentence = await command(bed, name, "localhost", *arguments)
    expect(f"{name}: {sentence}", False, ok)
    return sentence


async def use(bed: Bed, store: str) -> None:
    """Changes db_type, and keeps what reaches the database."""
    bed.node.write_config(list(bed.hosts), bed.module_config(db_type=store), **bed.more_config)
    expect("reload", "ok", await bed.node.eval("ejabberd_config:reload()"))


async def exported(bed: Bed, store: str | None = None) -> tuple[dict[str, Any], list[str]]:
    """The header and the devices of a fresh export."""
    written = path(bed)
    if store is None:
        await well(bed, "export_devices", written)
    else:
        await well(bed, "export_devices_from", store, written)
    first, *rest = written.read_text(encoding="utf-8").splitlines()
    return json.loads(first), sorted(rest)


def came_to(imported: int = 0, known: int = 0, refused: int = 0) -> str:
    return f"imported: {imported}, known already or registered anew since: {known}, refused: {refused}"


@case
async def all_comes_back(bed: Bed) -> None:
    """what was exported and lost comes back as it was, fields of a later version included; a second import changes nothing"""
    who, other = owner("o.neil%_$1"), owner()
    odd = binary("Bob's \"phone\" \\ \\n \n\t % _ $1 ? \U0001f4f1")
    given = [
        device(who, new_token(), kind="voip", device_id=odd, node=odd, name=odd, resource=odd, content="sender",
               language='<<"de-AT">>', remove_on_logout="true", last_used="5",
               last_error=f"{{410, {odd}}}", more_of_it="#{1 => [<<>>, true, none, 1.5]}"),
        device(who, new_token(), THEN + 1), device(other, new_token(), THEN + 2, content="body"),
    ]
    await register(bed, *given)
    written = path(bed)
    await well(bed, "export_devices", written)
    header = json.loads(written.read_text(encoding="utf-8").splitlines()[0])
    expect("header", {**HEADER, "count": header["count"], "mac_key": header["mac_key"]}, header)
    expect("lines", header["count"], len(written.read_text(encoding="utf-8").splitlines()) - 1)
    expect("mode", 0o600, written.stat().st_mode & 0o777)
    expect("left beside it", [], [each.name for each in bed.folder.glob("*.partial")])
    mine = [text for text in written.read_text(encoding="utf-8").splitlines()[1:]
            if json.loads(text)["user"] in (who[0], other[0])]
    file = path(bed)
    file.write_text("\n".join([json.dumps(header | {"count": 3}), *mine]) + "\n", encoding="utf-8")
    expect("while they are there", came_to(known=3), await well(bed, "import_devices", file))
    for each in (who, other):
        await bed.node.eval(f"push_devices:remove_user({us(each)})")
    expect("lost", [[], []], [await tokens(bed, who), await tokens(bed, other)])
    expect("first", came_to(imported=3), await well(bed, "import_devices", file))
    expect("second", came_to(known=3), await well(bed, "import_devices", file))
    kept = f"[lists:sort(element(2, push_devices:list(U))) || U <- [{us(who)}, {us(other)}]]"
    expect("devices", True, await bed.node.eval(
        f"{kept} =:= [lists:sort([{given[0]}, {given[1]}]), [{given[2]}]]"))


@case
async def later_stays(bed: Bed) -> None:
    """an import leaves alone what was registered later: the token, its next owner, the phone's new token"""
    who, other = owner(), owner()
    again, moved, former, new, older = (new_token() for _ in range(5))
    phone = {"device_id": '<<"phone">>'}
    await register(bed, device(who, again, THEN + 5, name='<<"new">>'), device(other, moved, THEN + 5),
                   device(who, new, THEN + 5, **phone), device(other, older, THEN - 5))
    file = file_of(bed, line(who, again, name="old"), line(who, moved), line(who, former, device_id="phone"),
                   line(who, older))
    expect("answer", came_to(imported=1, known=3), await well(bed, "import_devices", file))
    expect("tokens", sorted([again, new, older]), await tokens(bed, who))
    expect("the other's", [moved], await tokens(bed, other))
    expect("name", ["new"], await bed.node.eval(
        f"{{ok, Ds}} = push_devices:list({us(who)}), [N || #{{token := {binary(again)}, name := N}} <- Ds]"))


@case
async def no_more_than_allowed(bed: Bed) -> None:
    """of more than twenty devices of a user those registered last stay, whichever of them are imported"""
    who = owner()
    many = [new_token() for _ in range(24)]
    await register(bed, *(device(who, token, THEN + number) for number, token in enumerate(many[2:22], 2)))
    file = file_of(bed, *(line(who, many[number], THEN + number) for number in (0, 1, 22, 23)))
    expect("answer", came_to(imported=2, known=2), await well(bed, "import_devices", file))
    expect("tokens", sorted(many[4:]), await tokens(bed, who))


@case
async def wrong_lines(bed: Bed) -> None:
    """a line that is no device is told with its number, and the others are imported; the command fails, as at a cut off file"""
    who, token = owner(), new_token()
    bad: list[tuple[dict[str, Any] | str, str]] = [
        ("no json", "no JSON object"), ("[1]", "no JSON object"), (line(who, "xyz"), "token is no device token"),
        (line(("", ""), new_token()), "user is no name"), (line(("Bob", ""), new_token()), "user is no name"),
        (line(who, new_token(), 9_999_999_999_999), "registered_at is to come"),
        (line(who, new_token(), kind="fax"), "kind is none of alert, voip"),
        (line(who, new_token(), last_error={"gone": 1}), "a field has a value of no form"),
        (line(who, new_token()) | {"Field": 1}, "a field's name is none"), ("{" + "x" * 70_000 + "}", "too long"),
    ]
    file = file_of(bed, *(text for text, _ in bad), line(who, token))
    said = await refused(bed, "import_devices", file)
    expect("answer", True, said.startswith(came_to(imported=1, refused=len(bad))))
    for number, (_, sentence) in enumerate(bad, 2):
        expect(f"line {number} in {said}", True, f"; line {number}: {sentence}" in said)
    expect("tokens", [token], await tokens(bed, who))
    said = await refused(bed, "import_devices", file_of(bed, line(who, token), count=3))
    expect("of a file cut off", came_to(known=1) + "; the file is cut off: it promises 3 devices and has 1", said)


@case
async def wrong_files(bed: Bed) -> None:
    """a file that is none, of another vhost or of a newer version, is refused with a sentence; one that is there stays"""
    who = owner()
    empty, there = path(bed), path(bed)
    empty.touch()
    there.write_text("mine", encoding="utf-8")
    for given, sentence in (
            (file_of(bed, line(who, new_token()), host="other.test"), "of another vhost"),
            (file_of(bed, line(who, new_token()), version=2), "a newer version"),
            (file_of(bed, line(who, new_token()), mac_key="00"), "mac_key is none"),
            (there, "no file that push_devices_export wrote"), (empty, "The file is empty"), (bed.folder, "This is no file"),
            (path(bed), "cannot be read by the server: no such file"), ("devices", "Give the whole path")):
        said = await refused(bed, "import_devices", given)
        expect(f"sentence for {given}: {said}", True, sentence in said)
    expect("tokens", [], await tokens(bed, who))
    for given, sentence in ((there, "There is such a file already"), ("devices", "Give the whole path"),
                            (bed.folder / "no" / "devices", "cannot be written by the server: no such file")):
        said = await refused(bed, "export_devices", given)
        expect(f"sentence for {given}: {said}", True, sentence in said)
    expect("the file", "mine", there.read_text(encoding="utf-8"))


@case
async def engines_know(bed: Bed) -> None:
    """after an import of a token that was another's, pushes go to whom it belongs now and to nobody else"""
    bob, carol, alice = await bed.user(), await bed.user("carol"), await bed.sender()
    token = await bed.absent(bob)
    since = await bed.simulator.end()
    alice.send(bob, "he is known")
    alice.send(carol, "and she is known to have none")
    expect("pushes", [token], [push.token for push in await bed.pushes(since, bob, carol)])
    at = await bed.node.eval(f"{{ok, [#{{registered_at := At}}]}} = push_devices:list({us(tuple(bob.split('@')))}), At")
    await well(bed, "import_devices", file_of(bed, line(("carol" + carol[5:].partition("@")[0], ""), token, at + 1)))
    since = await bed.simulator.end()
    alice.send(bob, "for bob")
    expect("pushes", 0, len(await bed.pushes(since, bob)))
    alice.send(carol, "for carol")
    expect("pushes", [token], [push.token for push in await bed.pushes(since, carol)])


async def too_much(bed: Bed) -> None:
    """a device that the database cannot take is told like a wrong line, and loses no other"""
    long, others = ("x" * 200, "localhost"), [owner() for _ in range(4)]
    all_of = [*others[:2], long, *others[2:]]
    file = file_of(bed, *(line(who, new_token()) for who in all_of))
    if MAKES_TABLES:
        # The columns of ejabberd's making have room for all that ejabberd takes.
        expect("answer", came_to(imported=5), await well(bed, "import_devices", file))
    else:
        said = await refused(bed, "import_devices", file)
        expect("answer", came_to(imported=4, refused=1) + "; line 4: the database does not take it", said)
    expect("devices", [1, 1, 1, 1], [len(await tokens(bed, who)) for who in others])


@change
async def changed_over(bed: Bed) -> None:
    """from Mnesia to SQL as docs/operations.md has it: no push is lost, thread ids stay, what was registered on the way too"""
    bob, carol, alice = await bed.user(), await bed.user("carol"), await bed.sender()
    token = await bed.absent(bob)
    thread = (await pushed(bed, bob)).aps["thread-id"]
    before = await exported(bed)
    file = path(bed)
    await well(bed, "export_devices", file)
    sentence = await well(bed, "import_devices_to", "sql", file)
    expect("into SQL", came_to(imported=before[0]["count"]), sentence)
    late = await bed.absent(carol)
    await use(bed, "sql")
    expect("the same push", (token, thread), ((push := await pushed(bed, bob)).token, push.aps["thread-id"]))
    second = path(bed)
    await well(bed, "export_devices_from", "mnesia", second)
    expect("registered on the way", came_to(imported=1, known=before[0]["count"]), await well(bed, "import_devices", second))
    expect("carol's", late, (await pushed(bed, carol)).token)
    expect("Mnesia and SQL", await exported(bed, "mnesia"), await exported(bed))
    refused_sentence = await refused(bed, "empty_store", "sql")
    expect(f"the store in use: {refused_sentence}", True, "it is in use" in refused_sentence)
    count = before[0]["count"] + 1
    expect("emptied", f"{count} devices are removed", await well(bed, "empty_store", "mnesia"))
    expect("left in Mnesia", 0, (await exported(bed, "mnesia"))[0]["count"])
    expect("left in SQL", count, (await exported(bed))[0]["count"])
    expect("a restart changes nothing", thread, await after_restart(bed, bob))


async def pushed(bed: Bed, jid: str) -> Any:
    alice = await bed.sender()
    since = await bed.simulator.end()
    alice.send(jid, "hello")
    pushes = await bed.pushes(since, jid)
    expect(f"pushes to {jid}", 1, len(pushes))
    return pushes[0]


async def after_restart(bed: Bed, jid: str) -> str:
    key = await bed.node.eval('binary:encode_hex(push_settings:mac_key(<<"localhost">>))')
    thread = (await pushed(bed, jid)).aps["thread-id"]
    await bed.restart_node()
    expect("the key", key, await bed.node.eval('binary:encode_hex(push_settings:mac_key(<<"localhost">>))'))
    return thread


@change
async def and_back(bed: Bed) -> None:
    """from SQL back to Mnesia: the same devices, field by field, and of two thousand none is lost or doubled"""
    await use(bed, "sql")
    await bed.node.eval(f"""[ok = push_devices:register(#{{us => {{<<"many", (integer_to_binary(N div 2))/binary>>,
        <<"localhost">>}}, app => <<"{TOPIC}">>, token => string:lowercase(binary:encode_hex(crypto:hash(sha256, <<N:32>>))),
        kind => alert, device_id => integer_to_binary(N), node => <<>>, name => <<252/utf8>>, resource => <<>>, content => body,
        language => <<"de">>, remove_on_logout => N rem 2 =:= 0, registered_at => N}}) || N <- lists:seq(65, 2064)], ok""")
    before = await exported(bed)
    expect("devices", True, before[0]["count"] >= 2000)
    file = path(bed)
    code, printed = await bed.node.ctl("push_devices_export", "localhost", str(file))
    expect("exit code", (0, f"{before[0]['count']} devices are in the file"), (code, printed.strip()))
    code, printed = await bed.node.ctl("push_devices_import_to", "localhost", "mnesia", str(file))
    expect("exit code", (0, came_to(imported=before[0]["count"])), (code, printed.strip()))
    expect("in Mnesia", before, await exported(bed, "mnesia"))
    await use(bed, "mnesia")
    expect("in use", before, await exported(bed))
    await well(bed, "empty_store", "sql")
    expect("and once more into SQL", came_to(imported=before[0]["count"]), await well(bed, "import_devices_to", "sql", file))
    expect("in SQL", before, await exported(bed, "sql"))
