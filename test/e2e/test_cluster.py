"""Two nodes of one cluster: a device is registered at one and pushed to by the other, also when one of them dies."""

from contextlib import AsyncExitStack

from bed import Bed, Node, Phone
from bed.machine import PASSWORD
from bed.phone import form_xml, new_token
from bed.simulator import TOPIC
from bed.suite import Suite, expect, run

MODULES = {"mod_adhoc": {}, "mod_disco": {}, "mod_offline": {}, "mod_roster": {}, "mod_version": {},
           "mod_stream_mgmt": {"resume_timeout": 300}}


class Cluster(Bed):
    """A second node joins the first, by the way of ejabberd's command `join_cluster`."""

    def __init__(self) -> None:
        super().__init__(MODULES)
        self.node = Node(self.folder, address="127.0.0.1")
        self.second = Node(self.folder / "second", address="127.0.0.2", beside=self.node)
        self.second.folder.mkdir()

    async def __aenter__(self) -> "Cluster":
        await super().__aenter__()
        try:
            self.second.write_config(list(self.hosts), self.module_config())
            await self.second.start()
            await self.second.eval(f"ok = ejabberd_cluster:join('{self.node.name}')")
            expect("nodes", sorted([self.node.name, self.second.name]),
                   sorted(await self.second.eval("ejabberd_cluster:get_nodes()")))
        except BaseException:
            await self.close()
            raise
        return self

    async def close(self, keep: bool = False) -> None:
        async with AsyncExitStack() as last_to_first:
            last_to_first.push_async_callback(super().close, keep)
            last_to_first.push_async_callback(self.second.stop)

    async def at(self, node: Node, jid: str, resource: str = "phone") -> Phone:
        """A client of this node's."""
        phone = Phone(jid, PASSWORD, node.port, resource)
        self.phones.append(phone)
        return await phone.login()

    async def left(self, node: Node, jid: str, *tokens: str, **fields: str) -> None:
        """A user who registered these devices at this node, one after the other, and left."""
        phone = await self.at(node, jid)
        for token in tokens:
            await phone.enable(token, **fields)
        await phone.logout()
        await self.session_ends(jid)

    async def told(self, node: Node, jid: str, body: str = "hello") -> list[str]:
        """Where a message is pushed that somebody at this node sends."""
        alice = await self.at(node, await self.user("alice"), "desk")
        since = await self.simulator.end()
        alice.send(jid, body)
        await alice.round_trip()
        await self.node_settles(node)
        # The other node's engine, which sends the last push, may be faster.
        await self.engine_at_rest(node)
        tokens = [push.token for push in await self.pushes(since, jid)]
        await alice.logout()
        return tokens

    async def misses(self, node: Node, other: Node) -> None:
        """This node's database knows that the other one is gone."""
        await node.eval(
            f"""{{ok, _}} = mnesia:subscribe(system),
            case lists:member('{other.name}', mnesia:system_info(running_db_nodes)) of
                true -> receive {{mnesia_system_event, {{mnesia_down, '{other.name}'}}}} -> ok after 30000 -> exit(late) end;
                false -> ok
            end""")

    async def node_settles(self, node: Node) -> None:
        """What this node's loader had to do is done."""
        await node.eval("sys:get_state(push_loader), ok")


cluster = Suite("two nodes", Cluster)


@cluster.case
async def any_node(bed: Cluster) -> None:
    """a device that registered at either node gets one push for a message, whichever node has the sender"""
    for home in (bed.node, bed.second):
        for away in (bed.node, bed.second):
            bob, token = await bed.user(), new_token()
            await bed.left(home, bob, token)
            expect(f"pushes of {home.name} by {away.name}", [token], await bed.told(away, bob))


@cluster.case
async def by_command(bed: Cluster) -> None:
    """what an administrator's command changed at one node, the other knows when the command returns"""
    bob, first, second = await bed.user(), new_token(), new_token()
    user, _, host = bob.partition("@")
    expect("pushes to nobody", [[], []], [await bed.told(bed.node, bob), await bed.told(bed.second, bob)])
    for token in (first, second):
        code, said = await bed.node.ctl("push_device_register", user, host, TOPIC, token, "")
        expect(f"registration: {said}", 0, code)
    expect("pushes by the other node", sorted([first, second]), sorted(await bed.told(bed.second, bob)))
    code, said = await bed.node.ctl("push_device_remove", user, host, first)
    expect(f"removal: {said}", 0, code)
    expect("pushes by the other node, then", [second], await bed.told(bed.second, bob))
    code, said = await bed.second.ctl("push_test", user, host)
    expect(f"test by the other node: {said}", (0, 1), (code, said.count("accepted")))
    code, said = await bed.second.ctl("push_devices_purge", user, host)
    expect(f"purge: {said}", 0, code)
    expect("pushes in the end", [[], []], [await bed.told(bed.node, bob), await bed.told(bed.second, bob)])


@cluster.case
async def after_the_answer(bed: Cluster) -> None:
    """when a registration or its end is answered, the other node knows, though it had known otherwise before"""
    bob, first, second = await bed.user(), new_token(), new_token()
    expect("pushes to nobody", [[], []], [await bed.told(bed.node, bob), await bed.told(bed.second, bob)])
    await bed.left(bed.node, bob, first, device_id="phone")
    expect("pushes by the other node", [first], await bed.told(bed.second, bob))
    await bed.left(bed.second, bob, second, device_id="phone")
    expect("pushes to the new token", [[second], [second]],
           [await bed.told(bed.node, bob), await bed.told(bed.second, bob)])
    phone = await bed.at(bed.node, bob)
    await phone.disable()
    await phone.logout()
    await bed.session_ends(bob)
    expect("pushes in the end", [[], []], [await bed.told(bed.node, bob), await bed.told(bed.second, bob)])


@cluster.case
async def moves(bed: Cluster) -> None:
    """a token that another user registers at another node is that user's on both"""
    bob, carol, token = await bed.user(), await bed.user("carol"), new_token()
    await bed.left(bed.node, bob, token)
    expect("pushes to the first owner", [token], await bed.told(bed.second, bob))
    await bed.left(bed.second, carol, token)
    expect("pushes to the first owner", [[], []], [await bed.told(node, bob) for node in (bed.node, bed.second)])
    expect("pushes to the second", [[token], [token]], [await bed.told(node, carol) for node in (bed.node, bed.second)])


@cluster.case
async def logs_out(bed: Cluster) -> None:
    """a logout at one node is one on the other"""
    bob, token = await bed.user(), new_token()
    expect("pushes before", [], await bed.told(bed.second, bob))
    await bed.left(bed.node, bob, token, remove_on_logout="true")
    await bed.until_stored(bob, [])
    expect("pushes", [[], []], [await bed.told(node, bob) for node in (bed.second, bed.node)])


@cluster.case
async def component_of_another_node(bed: Cluster) -> None:
    """a component that only the other node has yet answers this node's users, and no token comes into a log"""
    await bed.node.reload(bed.module_config(apps={TOPIC: bed.simulator.app() | {"tigase": True}}))
    bob, token = await bed.user(), new_token()
    phone = await bed.at(bed.second, bob)
    form = form_xml({"provider": "tigase:messenger:apns:1", "device-token": token})
    await phone.ask("<command xmlns='http://jabber.org/protocol/commands' node='register-device' action='execute'>"
                    f"{form}</command>", to="push.localhost")
    expect("tokens", [token], await bed.stored(bob))
    await bed.node.reload(bed.module_config())
    expect("tokens in logs", [False, False], [token in node.log_text() for node in (bed.node, bed.second)])


@cluster.case
async def node_killed(bed: Cluster) -> None:
    """while a node is dead the other registers and pushes on; back again, it knows what happened meanwhile"""
    bob, old, new = await bed.user(), new_token(), new_token()
    await bed.left(bed.second, bob, old, device_id="phone")
    expect("pushes", [old], await bed.told(bed.second, bob))
    await bed.second.kill()
    await bed.misses(bed.node, bed.second)
    await bed.left(bed.node, bob, new, device_id="phone")
    expect("pushes while it is dead", [new], await bed.told(bed.node, bob))
    await bed.second.start()
    expect("pushes by the node that is back", [new], await bed.told(bed.second, bob))
    await bed.left(bed.second, bob, old, device_id="phone")
    expect("pushes by the other", [old], await bed.told(bed.node, bob))


@cluster.case
async def split(bed: Cluster) -> None:
    """two nodes that lost one another serve their own users on; the one that is started again knows what the other knows"""
    bob, carol = await bed.user(), await bed.user("carol")
    old, new, hers = new_token(), new_token(), new_token()
    await bed.left(bed.node, bob, old, device_id="phone")
    expect("pushes before", [old], await bed.told(bed.second, bob))
    for node, other in ((bed.node, bed.second), (bed.second, bed.node)):
        await node.eval(f"erlang:set_cookie('{other.name}', parted)")
    await bed.node.eval(f"erlang:disconnect_node('{bed.second.name}')")
    await bed.misses(bed.node, bed.second)
    await bed.misses(bed.second, bed.node)
    await bed.left(bed.node, bob, new, device_id="phone")
    expect("pushes on this side", [new], await bed.told(bed.node, bob))
    phone = await bed.at(bed.second, carol)
    await phone.enable(hers)
    expect("tokens on the other side", [hers], await bed.second.eval(
        f'{{ok, Ds}} = push_devices:list({{<<"{carol.partition("@")[0]}">>, <<"localhost">>}}), [T || #{{token := T}} <- Ds]'))
    await bed.second.stop()
    # They talk to one another again from the start of the second.
    cookie = await bed.node.eval("erlang:get_cookie()")
    await bed.node.eval(f"erlang:set_cookie('{bed.second.name}', '{cookie}')")
    await bed.second.start()
    expect("nodes in the end", 2, len(await bed.second.eval("ejabberd_cluster:get_nodes()")))
    expect("pushes by the node that is back", [new], await bed.told(bed.second, bob))


if __name__ == "__main__":
    run(cluster)
