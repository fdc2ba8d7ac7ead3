"""What every store of devices promises, as cases that know no store: they run in the node, on the module itself."""

import json
import secrets

from bed import Bed
from bed.phone import new_token
from bed.simulator import TOPIC
from bed.suite import Case, expect

CASES: list[Case] = []

# A moment in 2023, in Unix ms: registrations of cases that need no clock.
THEN = 1_700_000_000_000


def case(function: Case) -> Case:
    CASES.append(function)
    return function


def binary(text: str) -> str:
    return f"<<{','.join(str(byte) for byte in text.encode())}>>"


def owner(name: str = "user") -> tuple[str, str]:
    """A user whom no other case has; stores ask nobody whether there is an account."""
    return f"{name}-{secrets.token_hex(4)}", "localhost"


def us(who: tuple[str, str]) -> str:
    return f"{{{binary(who[0])},{binary(who[1])}}}"


def device(who: tuple[str, str], token: str, at: int = THEN, **fields: str) -> str:
    """A device in Erlang; the fields are Erlang, too."""
    values = {"us": us(who), "app": binary(TOPIC), "token": binary(token), "kind": "alert", "device_id": "<<>>",
              "node": "<<>>", "name": "<<>>", "resource": "<<>>", "content": "none", "language": "<<>>",
              "remove_on_logout": "false", "registered_at": str(at)} | fields
    return "#{" + ",".join(f"{name} => {value}" for name, value in values.items()) + "}"


def owners_in(host: str) -> str:
    """Of each device there, in Erlang."""
    return (f'{{ok, Os}} = (push_devices:backend(<<"{host}">>)):fold(<<"{host}">>, '
            'fun(Ds, A) -> [U || #{us := U} <- Ds] ++ A end, []), Os')


async def register(bed: Bed, *devices: str) -> None:
    for each in devices:
        expect("registration", "ok", await bed.node.eval(f"push_devices:register({each})"))


async def tokens(bed: Bed, who: tuple[str, str]) -> list[str]:
    return sorted(await bed.node.eval(f"{{ok, Ds}} = push_devices:list({us(who)}), [T || #{{token := T}} <- Ds]"))


async def at_once(bed: Bed, *expressions: str) -> list[object]:
    """The values of expressions that are evaluated at the same time, each by a process of its own."""
    funs = ",".join(f"fun() -> {expression} end" for expression in expressions)
    return await bed.node.eval(
        f"""Me = self(),
        Pids = [spawn(fun() -> receive go -> ok end, Me ! {{self(), catch F()}} end) || F <- [{funs}]],
        [P ! go || P <- Pids],
        [receive {{P, Value}} -> Value after 50000 -> late end || P <- Pids]""")


@case
async def all_fields(bed: Bed) -> None:
    """a device comes back as it was stored, quotes, backslashes, emoji and what a later version may add included"""
    who = owner("o'neil\\\"%_$1")
    odd = binary("Bob's \"phone\" \\ \\n \n\t % _ $1 ? \U0001f4f1")
    given = device(who, new_token(), kind="voip", device_id=odd, node=odd, name=odd, resource=odd, content="sender",
                   language='<<"de-AT">>', remove_on_logout="true", last_error=f"{{410, {odd}}}", last_used="5")
    await register(bed, given)
    expect("the device", True, await bed.node.eval(f"push_devices:list({us(who)}) =:= {{ok, [{given}]}}"))


@case
async def registered_again(bed: Bed) -> None:
    """a token registered again by its owner stays one device, with what was said last"""
    who, token = owner(), new_token()
    last = device(who, token, THEN + 1, name='<<"new">>', content="body")
    await register(bed, device(who, token, name='<<"old">>', device_id='<<"phone">>'), last)
    expect("the devices", True, await bed.node.eval(f"push_devices:list({us(who)}) =:= {{ok, [{last}]}}"))


@case
async def moved(bed: Bed) -> None:
    """a token that another user registers moves; the other devices of both stay"""
    first, second = owner(), owner()
    shared, own = new_token(), new_token()
    await register(bed, device(first, shared), device(first, own), device(second, shared, THEN - 5))
    expect("the first's", [own], await tokens(bed, first))
    expect("the second's", [shared], await tokens(bed, second))


@case
async def other_apps(bed: Bed) -> None:
    """the same token in another app is another device"""
    first, second = owner(), owner()
    token = new_token()
    await register(bed, device(first, token), device(second, token, app='<<"im.example.other">>'))
    expect("the first's", [token], await tokens(bed, first))
    expect("the second's", [token], await tokens(bed, second))


@case
async def former_token(bed: Bed) -> None:
    """a device that comes with a new token loses its former one; its PushKit token and other devices stay"""
    who = owner()
    old, voip, other, new = (new_token() for _ in range(4))
    phone = {"device_id": '<<"phone">>'}
    await register(bed, device(who, old, **phone), device(who, voip, kind="voip", **phone), device(who, other),
                   device(who, new, **phone))
    expect("tokens", sorted([voip, other, new]), await tokens(bed, who))


@case
async def limit(bed: Bed) -> None:
    """of more than twenty devices of a user the one registered longest ago goes"""
    who = owner()
    many = [new_token() for _ in range(22)]
    await register(bed, *(device(who, token, THEN - number) for number, token in enumerate(many[:20])))
    await register(bed, *(device(who, token, THEN + 1) for token in many[20:]))
    expect("tokens", sorted(many[:18] + many[20:]), await tokens(bed, who))


@case
async def logged_out(bed: Bed) -> None:
    """a logout takes what asked for it, of that session, unless it was registered since"""
    who = owner()
    goes, other_session, did_not_ask, since = (new_token() for _ in range(4))
    bound = {"resource": '<<"phone">>', "remove_on_logout": "true"}
    await register(bed, device(who, goes, **bound), device(who, since, THEN + 2, **bound),
                   device(who, other_session, resource='<<"desk">>', remove_on_logout="true"),
                   device(who, did_not_ask, resource='<<"phone">>'))
    await bed.node.eval(f'push_devices:logout({us(who)}, {{<<"phone">>, none}}, {THEN + 1})')
    expect("tokens", sorted([other_session, did_not_ask, since]), await tokens(bed, who))


@case
async def dead_token(bed: Bed) -> None:
    """a token that Apple declared dead goes, unless it was registered after Apple's time"""
    who, token, other = owner(), new_token(), new_token()
    await register(bed, device(who, token), device(who, other))
    for when, left in ((THEN - 1, [token, other]), (THEN, [other])):
        await bed.node.eval(f'push_devices:token_invalid({binary(TOPIC)}, {binary(token)}, {when}, <<"gone">>)')
        expect(f"tokens after {when}", sorted(left), await tokens(bed, who))


async def whole(bed: Bed, who: tuple[str, str]) -> dict[str, list[object]]:
    """When each device was registered, was last used, and Apple's last word against it."""
    return dict(await bed.node.eval(
        f"{{ok, Ds}} = push_devices:list({us(who)}), [{{T, [At, maps:get(last_used, D, none), "
        f"maps:get(last_error, D, none)]}} || #{{token := T, registered_at := At}} = D <- Ds]"))


async def used(bed: Bed, **notes: str) -> None:
    listed = ",".join(f"{{{binary(token)}, {note}}}" for token, note in notes.items())
    await bed.node.eval(f"push_devices:used({binary(TOPIC)}, [{listed}])")


@case
async def last_use(bed: Bed) -> None:
    """a device's last use and last error are kept, and nothing else of it changes; another device is left alone"""
    who, both, error, none = owner(), new_token(), new_token(), new_token()
    day = THEN + 24 * 3600 * 1000
    await register(bed, device(who, both, name=binary("it's"), device_id="<<1>>"), device(who, error), device(who, none))
    refused = f"{{{THEN + 7}, <<\"BadTopic\">>}}"
    await used(bed, **{both: f"{{{day}, {refused}}}", error: f"{{none, {refused}}}", none: f"{{{THEN + 5}, none}}"})
    expect("devices", {both: [THEN, day, [THEN + 7, "BadTopic"]], error: [THEN, "none", [THEN + 7, "BadTopic"]],
                       none: [THEN, "none", "none"]}, await whole(bed, who))
    again = device(who, both, name=binary("it's"), device_id="<<1>>", last_used=str(day), last_error=refused)
    expect("the whole device", True, await bed.node.eval(
        f"{{ok, Ds}} = push_devices:list({us(who)}), lists:member({again}, Ds)"))


@case
async def late_use(bed: Bed) -> None:
    """what is said of a device that is gone does not bring it back, nor does it touch a newer registration or owner"""
    who, other = owner(), owner()
    gone, newer = new_token(), new_token()
    day = THEN + 24 * 3600 * 1000
    await register(bed, device(who, gone), device(who, newer))
    await bed.node.eval(f"push_devices:remove_user({us(who)})")
    await register(bed, device(other, newer, day + 1))
    await used(bed, **{token: f"{{{day}, {{{day}, <<\"BadTopic\">>}}}}" for token in (gone, newer)})
    expect("devices", {}, await whole(bed, who))
    expect("the other's", {newer: [day + 1, "none", "none"]}, await whole(bed, other))


@case
async def longest_unused(bed: Bed) -> None:
    """of more than twenty devices the longest unused goes, though others were registered earlier"""
    who = owner()
    many = [new_token() for _ in range(21)]
    await register(bed, *(device(who, token, THEN + number) for number, token in enumerate(many[:20])))
    await used(bed, **{many[0]: f"{{{THEN + 24 * 3600 * 1000}, none}}"})
    await register(bed, device(who, many[20], THEN + 50))
    expect("tokens", sorted([many[0], *many[2:]]), await tokens(bed, who))


@case
async def used_at_once(bed: Bed) -> None:
    """of a use and a removal or a registration at once the latter stays"""
    day = THEN + 24 * 3600 * 1000
    for _ in range(5):
        who, other = owner(), owner()
        gone, moved = new_token(), new_token()
        await register(bed, device(who, gone), device(who, moved))
        notes = f"[{{{binary(gone)}, {{{day}, none}}}}, {{{binary(moved)}, {{{day}, none}}}}]"
        await at_once(bed, f"push_devices:used({binary(TOPIC)}, {notes})",
                      f"push_devices:unregister({us(who)}, fun(#{{token := T}}) -> T =:= {binary(gone)} end, <<\"a test\">>)",
                      f"push_devices:register({device(other, moved, day + 1)})")
        expect("the first's", [], await tokens(bed, who))
        expect("the second's", {moved: [day + 1, "none", "none"]}, await whole(bed, other))


@case
async def removed_user(bed: Bed) -> None:
    """with a user all of the user's devices go, and no one else's"""
    who, other = owner(), owner()
    kept = new_token()
    await register(bed, device(who, new_token()), device(who, new_token()), device(other, kept))
    await bed.node.eval(f"push_devices:remove_user({us(who)})")
    expect("tokens", [], await tokens(bed, who))
    expect("the other's", [kept], await tokens(bed, other))


@case
async def similar_names(bed: Bed) -> None:
    """users whose names differ by an accent, by width or by the sort of a letter are different users"""
    names = ["strasse", "straße", "bob", "böb", "bób", "ｂｏｂ"]
    stored = {}
    for name in names:
        stored[name] = new_token()
        await register(bed, device((name, "localhost"), stored[name]))
    for name in names:
        expect(f"tokens of {name}", [stored[name]], await tokens(bed, (name, "localhost")))
        await bed.node.eval(f"push_devices:remove_user({us((name, 'localhost'))})")
    for name in names:
        expect(f"tokens of {name}", [], await tokens(bed, (name, "localhost")))


@case
async def all_owners(bed: Bed) -> None:
    """all devices of a vhost are read, each once"""
    first, second = owner(), owner()
    await register(bed, device(first, new_token()), device(first, new_token()), device(second, new_token()))
    listed = await bed.node.eval(owners_in("localhost"))
    expect("devices of each", [2, 1], [listed.count(list(who)) for who in (first, second)])


@case
async def of_an_app(bed: Bed) -> None:
    """devices are counted by app, and those of one app are removed, whoever has them"""
    app = f"im.example.{secrets.token_hex(4)}"
    first, second = owner(), owner()
    other = new_token()
    await register(bed, *(device(who, new_token(), app=binary(app)) for who in (first, first, second)),
                   device(second, other))
    counted = "{ok, C} = push_devices:count(<<\"localhost\">>), maps:get(" + binary(app) + ", C, 0)"
    expect("counted", 3, await bed.node.eval(counted))
    removed = await bed.node.eval(
        f'push_devices:unregister_app(<<"localhost">>, {binary(app)}, fun(_) -> true end, <<"of a test">>)')
    expect("removed", ["ok", 3], removed)
    expect("counted", 0, await bed.node.eval(counted))
    expect("the first's", [], await tokens(bed, first))
    expect("the second's", [other], await tokens(bed, second))


@case
async def one_secret(bed: Bed) -> None:
    """of many who make a secret at once all get the same, and get it again"""
    ask = ('{ok, S} = (push_devices:backend(<<"localhost">>)):secret(<<"localhost">>, some_name, '
           'crypto:strong_rand_bytes(32)), binary:encode_hex(S)')
    secrets_told = await at_once(bed, *[ask] * 10)
    secrets_told.append(await bed.node.eval(ask))
    expect("secrets", 1, len(set(json.dumps(each) for each in secrets_told)))
    expect("bytes in hex", 64, len(str(secrets_told[0])))


@case
async def two_at_once(bed: Bed) -> None:
    """users who register one token at once: one has it in the end, and only that one's push goes there"""
    app, token = binary(TOPIC), new_token()
    for _ in range(5):
        users = [owner() for _ in range(8)]
        answers = await at_once(bed, *(f"push_devices:register({device(who, token)})" for who in users))
        expect("answers", ["ok"] * len(users), answers)
        having = [who for who in users if await tokens(bed, who)]
        expect("owners", 1, len(having))
        # What the engine has must be what the database has.
        engine = await bed.node.eval(
            f"[case apns_nif:notify({app}, K, #{{alert => <<\"x\">>}}, #{{expiration => 1}}) of {{ok, Ids}} -> length(Ids); "
            f"E -> E end || US <- [{','.join(us(who) for who in users)}], "
            f"{{none, K}} <- push_trigger:owner_keys(US, none)]")
        expect("pushes", [1 if who in having else 0 for who in users], engine)


@case
async def many_of_one_at_once(bed: Bed) -> None:
    """a user's registrations at once keep the limit, and one device keeps one token"""
    who, other = owner(), owner()
    answers = await at_once(bed, *(f"push_devices:register({device(who, new_token(), THEN + n)})" for n in range(30)))
    expect("answers", ["ok"] * 30, answers)
    expect("devices", 20, len(await tokens(bed, who)))
    await at_once(bed, *(f"push_devices:register({device(other, new_token(), device_id='<<1>>')})" for _ in range(10)))
    expect("tokens of one device", 1, len(await tokens(bed, other)))


@case
async def exchanged_at_once(bed: Bed) -> None:
    """users who take each other's tokens at once get them"""
    for _ in range(5):
        first, second = owner(), owner()
        one, two = new_token(), new_token()
        await register(bed, device(first, one), device(second, two))
        expect("answers", ["ok", "ok"], await at_once(bed, f"push_devices:register({device(first, two, THEN + 1)})",
                                                      f"push_devices:register({device(second, one, THEN + 1)})"))
        expect("tokens", ([two], [one]), (await tokens(bed, first), await tokens(bed, second)))
