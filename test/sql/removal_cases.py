"""What every store promises of devices that were removed: it is told why, for a while, and no longer."""

from bed import Bed
from bed.phone import new_token
from bed.simulator import TOPIC
from bed.suite import Case, expect
from store_cases import THEN, binary, device, owner, register, us

CASES: list[Case] = []


def case(function: Case) -> Case:
    CASES.append(function)
    return function


async def removals(bed: Bed, who: tuple[str, str]) -> list[list[str]]:
    """Beginning of the token and why, the latest first."""
    return await bed.node.eval(
        f"{{ok, Rs}} = push_removals:list({us(who)}), [[T, W] || #{{token := T, why := W}} <- Rs]")


async def unregister(bed: Bed, who: tuple[str, str], token: str, why: str = "a test") -> None:
    gone = await bed.node.eval(
        f"{{ok, Gone}} = push_devices:unregister({us(who)}, fun(#{{token := T}}) -> T =:= {binary(token)} end, "
        f"{binary(why)}), length(Gone)")
    expect("removed", 1, gone)


@case
async def why_removed(bed: Bed) -> None:
    """it is kept why each device was removed, with what tells it from others, and never its whole token"""
    who, other = owner("o'neil\\\"%_$1"), owner()
    renewed, dead, left, moved = (new_token() for _ in range(4))
    odd, over = binary("Bob's \"phone\" \\ \n \t % _ $1 ? \U0001f4f1"), "it's \\ over"
    await register(bed, device(who, renewed, device_id="<<1>>"), device(who, dead), device(who, moved),
                   device(who, left, kind="voip", device_id=odd, name=odd))
    await unregister(bed, who, left, over)
    shown = await bed.node.eval(
        f"""{{ok, [R]}} = push_removals:list({us(who)}),
        [maps:without([removed_at], R) =:= #{{us => {us(who)}, app => {binary(TOPIC)}, kind => voip, device_id => {odd},
            name => {odd}, token => {binary(left[:8] + "...")}, why => {binary(over)},
            node => push_devices:node(push_settings:mac_key(<<"localhost">>),
                                      #{{app => {binary(TOPIC)}, token => {binary(left)}}})}},
         abs(erlang:system_time(millisecond) - maps:get(removed_at, R)) < 60000]""")
    expect("what is kept", [True, True], shown)
    await register(bed, device(who, new_token(), device_id="<<1>>"))
    await bed.node.eval(f'push_devices:token_invalid({binary(TOPIC)}, {binary(dead)}, {THEN}, <<"Unregistered">>)')
    await register(bed, device(other, moved))
    expect("removals", sorted([[left[:8] + "...", over], [renewed[:8] + "...", "it has another token now"],
                               [dead[:8] + "...", "Unregistered"], [moved[:8] + "...", "another account registered it"]]),
           sorted(await removals(bed, who)))
    expect("the other's", [], await removals(bed, other))
    # What registers again changes nothing.
    await register(bed, device(other, moved, THEN + 1))
    expect("the other's", [], await removals(bed, other))


@case
async def removals_in_order(bed: Bed) -> None:
    """the last forty removals of an account are kept, the latest first, and others' accounts do not count"""
    who, other = owner(), owner()
    many = [new_token() for _ in range(45)]
    before = (await bed.node.counters())["removals_dropped"]
    await register(bed, device(other, many[0]))
    await unregister(bed, other, many[0])
    for token in many:
        await register(bed, device(who, token))
        await unregister(bed, who, token)
    expect("tokens", [token[:8] + "..." for token in reversed(many[5:])], [row[0] for row in await removals(bed, who)])
    expect("the other's", 1, len(await removals(bed, other)))
    expect("counted", 5, (await bed.node.counters())["removals_dropped"] - before)
    # All of an account's at once, in the same millisecond.
    all_at_once = [new_token() for _ in range(20)]
    await register(bed, *(device(who, token) for token in all_at_once))
    await bed.node.eval(f"push_devices:unregister({us(who)}, fun(_) -> true end, <<\"a test\">>)")
    kept = [row[0] for row in await removals(bed, who)]
    expect("kept", 40, len(kept))
    expect("of the last", sorted(token[:8] + "..." for token in all_at_once), sorted(kept[:20]))


@case
async def removals_end(bed: Bed) -> None:
    """what is older than thirty days is not told and goes, some at a time; what is younger stays"""
    users = [owner() for _ in range(7)]
    store = ('case push_devices:backend(<<"localhost">>) of push_devices_sql -> push_removals_sql; '
             'push_devices_mnesia -> push_removals_mnesia end')
    day = 24 * 3600 * 1000
    for number, who in enumerate(users):
        rows = ",".join(f"Row({number}, {age}, {binary(age)})" for age in ("31", "29"))
        await bed.node.eval(
            f"""Row = fun(N, Age, Why) -> #{{us => {us(who)}, app => <<"a">>, node => <<"d-", (integer_to_binary(N))/binary>>,
                token => <<"0011...">>, kind => alert, device_id => <<>>, name => <<>>, why => Why,
                removed_at => erlang:system_time(millisecond) - Age * {day} + N}} end,
            ({store}):add({us(who)}, [{rows}], 40)""")
    left = f"length([x || US <- [{','.join(us(who) for who in users)}], {{ok, Rs}} <- [({store}):lookup(US)], _ <- Rs])"
    expect("told", [["0011...", "29"]], await removals(bed, users[0]))
    expect("there", 14, await bed.node.eval(left))
    before = f"erlang:system_time(millisecond) - 30 * {day}"
    expect("the first three", "more", await bed.node.eval(f'({store}):expire(<<"localhost">>, {before}, 3)'))
    there = await bed.node.eval(left)
    expect("gone of them", True, 7 <= there < 14)
    await bed.node.eval("push_removals:expire()")
    expect("there", 7, await bed.node.eval(left))
    expect("none more", "done", await bed.node.eval(f'({store}):expire(<<"localhost">>, {before}, 3)'))


@case
async def removals_of_an_account(bed: Bed) -> None:
    """with an account goes all that is known of its removed devices, and nothing of another's"""
    who, other = owner(), owner()
    for each in (who, other):
        token = new_token()
        await register(bed, device(each, token), device(each, new_token()))
        await unregister(bed, each, token)
    await bed.node.eval(f"push_devices:remove_user({us(who)})")
    expect("removals", [], await removals(bed, who))
    expect("the other's", 1, len(await removals(bed, other)))
