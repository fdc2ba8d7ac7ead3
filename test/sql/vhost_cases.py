"""Two vhosts with the same app: in one database, or each with a store of its own."""

from bed import Bed
from bed.phone import new_token
from bed.suite import Case, expect
from databases import OTHER_HOST
from store_cases import at_once, device, owner, owners_in, register, tokens, us

CASES: list[Case] = []


def case(function: Case) -> Case:
    CASES.append(function)
    return function


@case
async def same_name(bed: Bed) -> None:
    """users of the same name in two vhosts have devices of their own"""
    name, _ = owner()
    here, there = new_token(), new_token()
    await register(bed, device((name, "localhost"), here), device((name, OTHER_HOST), there))
    expect("here", [here], await tokens(bed, (name, "localhost")))
    expect("there", [there], await tokens(bed, (name, OTHER_HOST)))
    for host, listed in (("localhost", 1), (OTHER_HOST, 1)):
        owners = await bed.node.eval(owners_in(host))
        expect(f"times listed in {host}", listed, owners.count([name, host]))
        expect(f"other vhosts among {host}'s", [], [us for us in owners if us[1] != host])
    await bed.node.eval(f"push_devices:remove_user({us((name, 'localhost'))})")
    expect("here, removed", [], await tokens(bed, (name, "localhost")))
    expect("there, not removed", [there], await tokens(bed, (name, OTHER_HOST)))


@case
async def moves_between_vhosts(bed: Bed) -> None:
    """a token that a user of another vhost registers moves there, and back, and no push goes to the first"""
    first, second = await bed.user(), await bed.user("carol", OTHER_HOST)
    alice = await bed.sender()
    token = await bed.absent(first)
    await bed.absent(second, token)
    expect("the first's", [], await bed.stored(first))
    expect("the second's", [token], await bed.stored(second))
    since = await bed.simulator.end()
    alice.send(first, "hello")
    expect("pushes", 0, len(await bed.pushes(since, first)))
    await bed.absent(first, token)
    expect("the first's", [token], await bed.stored(first))
    expect("the second's", [], await bed.stored(second))


@case
async def at_once_in_two_vhosts(bed: Bed) -> None:
    """of users of two vhosts who register one token at once one has it"""
    for _ in range(5):
        token = new_token()
        users = [(owner()[0], host) for host in ("localhost", OTHER_HOST) * 3]
        answers = await at_once(bed, *(f"push_devices:register({device(who, token)})" for who in users))
        expect("answers", ["ok"] * len(users), answers)
        expect("owners", 1, len([who for who in users if await tokens(bed, who)]))


@case
async def dead_in_another(bed: Bed) -> None:
    """a dead token is removed in whichever vhost it is"""
    who, token = (owner()[0], OTHER_HOST), new_token()
    await register(bed, device(who, token))
    await bed.node.eval(f'push_devices:token_invalid(<<"im.example.chat">>, <<"{token}">>, 1900000000000, <<"gone">>)')
    expect("tokens", [], await tokens(bed, who))
