"""The whole testbed: one simulator, one ejabberd, and users as they are needed."""

import asyncio
import itertools
import os
import shutil
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from . import child
from .node import Node
from .paths import APPLICATIONS, require_built
from .phone import Phone, new_token
from .simulator import TOPIC, Push, Simulator
from .waiting import Unexpected, within

HOST = "localhost"
PASSWORD = "secret"

# Seconds in sessions that wait for resumption: long, so that no test meets the end of one by chance.
STREAM_MANAGEMENT = {"resume_timeout": 300}


class Bed:
    """`async with Bed() as bed`. `modules` are ejabberd's beside ours; `options` are options of ours."""

    def __init__(self, modules: dict[str, Any] | None = None, options: dict[str, Any] | None = None,
                 hosts: tuple[str, ...] = (HOST,), applications: Path = APPLICATIONS) -> None:
        require_built()
        self.folder = Path(tempfile.mkdtemp(prefix="push-e2e-"))
        self.simulator = Simulator(self.folder)
        self.node = Node(self.folder, applications)
        self.hosts = hosts
        self.modules = DEFAULT_MODULES if modules is None else modules
        self.options = options or {}
        self.more_config: dict[str, Any] = {}
        self.remove_at_end: list[Path] = []
        self.phones: list[Phone] = []
        self._numbers = itertools.count(1)
        self._witness: str | None = None
        self._sender: Phone | None = None

    async def __aenter__(self) -> "Bed":
        try:
            await self.simulator.start()
            self.write_config()
            await self.node.start()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self, keep: bool = False) -> None:
        """Ends all of it, whatever fails on the way; `keep` leaves the directory, with its logs."""
        async with AsyncExitStack() as last_to_first:
            if not keep:
                for folder in (self.folder, *self.remove_at_end):
                    last_to_first.callback(shutil.rmtree, folder, ignore_errors=True)
            last_to_first.push_async_callback(self.simulator.stop)
            last_to_first.push_async_callback(self.node.stop)
            for phone in self.phones:
                last_to_first.push_async_callback(phone.close)

    def module_config(self, **options: Any) -> dict[str, Any]:
        """All modules, ours with its options and some changed."""
        ours = {"apps": {TOPIC: self.simulator.app()}} | self.options | options
        return self.modules | {"mod_push_service": ours}

    def write_config(self) -> None:
        self.node.write_config(list(self.hosts), self.module_config(), **self.more_config)

    async def user(self, name: str = "bob", host: str = HOST) -> str:
        """A fresh account; its JID."""
        jid = f"{name}{next(self._numbers)}@{host}"
        await self.register_account(jid)
        return jid

    async def register_account(self, jid: str) -> None:
        user, _, host = jid.partition("@")
        result = await self.node.eval(
            f'ejabberd_auth:try_register(<<"{user}">>, <<"{host}">>, <<"{PASSWORD}">>)')
        if result != "ok":
            raise Unexpected(f"an account {jid}", str(result))

    def phone(self, jid: str, resource: str = "phone", management: bool = True, resumption: bool = True) -> Phone:
        phone = Phone(jid, PASSWORD, self.node.port, resource, management, resumption)
        self.phones.append(phone)
        return phone

    async def online(self, jid: str, resource: str = "phone", management: bool = True,
                     present: bool = True) -> Phone:
        return await self.phone(jid, resource, management).login(present)

    async def sender(self) -> Phone:
        """Alice, who writes."""
        if self._sender is None:
            self._sender = await self.online(await self.user("alice"), "desk")
        return self._sender

    async def registered(self, jid: str, token: str | None = None, **fields: str) -> tuple[Phone, str]:
        """A phone online whose device is registered."""
        token = token or new_token()
        phone = await self.online(jid)
        await phone.enable(token, **fields)
        return phone, token

    async def absent(self, jid: str, token: str | None = None, **fields: str) -> str:
        """A user who registered a device and left; the token."""
        phone, token = await self.registered(jid, token, **fields)
        await phone.logout()
        await self.settle(jid)
        return token

    async def settle(self, *jids: str) -> None:
        """What was under way for these users' sessions, and for the loader, has been done when this returns."""
        for jid in jids:
            user, _, host = jid.partition("@")
            await self.node.eval(
                f'[catch ejabberd_c2s:get_presence(P) || {{_, P}} <- '
                f'ejabberd_sm:get_session_sids(<<"{user}">>, <<"{host}">>)]')
        await self.node.eval("case whereis(push_loader) of undefined -> ok; P -> sys:get_state(P, 50000), ok end")

    async def pushes(self, since: int, *jids: str) -> list[Push]:
        """What came since then, after all that was under way for these users: an answer that says `no push` too. A push
        to somebody else comes last and is the proof; it is not in the list."""
        if self._witness is None:
            self._witness = await self.user("witness")
            await self.absent(self._witness, WITNESS_TOKEN)
        alice = await self.sender()
        await alice.round_trip()
        await self.settle(*jids)
        proof_since = await self.simulator.end()
        alice.send(self._witness, "is everything there?")
        proof = await self.simulator.next_push(proof_since, WITNESS_TOKEN)
        pushes = await self.simulator.journal(since)
        return [push for push in pushes if push.sequence < proof.sequence and push.token != WITNESS_TOKEN]

    async def session_ends(self, jid: str) -> None:
        """Waits for the ends of all sessions of a user."""
        user, _, host = jid.partition("@")
        await self.node.eval(
            f'[receive {{_, R, _, _, _}} -> ok after 30000 -> exit(late) end || R <- [monitor(process, P) || {{_, P}} '
            f'<- ejabberd_sm:get_session_sids(<<"{user}">>, <<"{host}">>)]]')

    async def stored(self, jid: str) -> list[str]:
        """The tokens that the database has for a user."""
        user, _, host = jid.partition("@")
        return await self.node.eval(
            f'{{ok, Ds}} = push_devices:list({{<<"{user}">>, <<"{host}">>}}), [T || #{{token := T}} <- Ds]')

    async def until_stored(self, jid: str, expected: list[str]) -> None:
        """Waits until the database has these tokens of a user: Mnesia tells of each change."""
        user, _, host = jid.partition("@")
        wanted = ",".join(f'<<"{token}">>' for token in sorted(expected))
        came = await self.node.eval(
            f"""{{ok, _}} = mnesia:subscribe({{table, push_device, simple}}),
            Tokens = fun() ->
                {{ok, Ds}} = push_devices:list({{<<"{user}">>, <<"{host}">>}}),
                lists:sort([T || #{{token := T}} <- Ds])
            end,
            Wait = fun W() ->
                case Tokens() of
                    [{wanted}] -> true;
                    Others -> receive {{mnesia_table_event, _}} -> W() after 20000 -> Others end
                end
            end, Wait()""")
        if came is not True:
            raise Unexpected(f"tokens {[token[:8] for token in expected]} of {jid} in the database",
                             str([token[:8] for token in came]))
        await self.settle(jid)

    async def until_running(self, app: str) -> None:
        """Waits for an app that was down: push_apps tries again by itself, and says so in the log."""
        await self.until_logged(f"Push app {app} is started after all")

    async def until_logged(self, text: str) -> None:
        """Waits for a text in ejabberd's log; `tail` wakes up with each line."""
        tail = await child.start(["tail", "-n", "+1", "-F", str(self.node.log)], self.folder / "tail.log",
                                 dict(os.environ), stdout=asyncio.subprocess.PIPE)
        try:
            assert tail.stdout is not None

            async def found() -> None:
                assert tail.stdout is not None
                async for line in tail.stdout:
                    if text in line.decode(errors="replace"):
                        return

            await within(found(), f"{text!r} in ejabberd's log")
        finally:
            await child.stop(tail)

    async def engine(self) -> dict[str, int]:
        """What the app's engine has counted."""
        return await self.node.eval(f'apns_nif:stats(<<"{TOPIC}">>)')

    async def engine_at_rest(self, node: Node | None = None) -> dict[str, int]:
        """The same, when nothing is inside any more. No event tells that, so it is asked for."""
        counted = await (node or self.node).eval(
            f"""Ask = fun A(0) -> late; A(N) ->
                case apns_nif:stats(<<"{TOPIC}">>) of
                    #{{taken := T, accepted := Y, rejected := R, failed := F}} = S when T =:= Y + R + F -> S;
                    _ -> receive after 20 -> A(N - 1) end
                end
            end, Ask(2500)""")
        if counted == "late":
            raise Unexpected("an outcome for every push", str(await self.engine()))
        return counted

    async def restart_node(self) -> None:
        """Stops ejabberd and starts it again with its database; all clients are gone."""
        for phone in self.phones:
            await phone.close()
        self.phones.clear()
        self._sender = None
        await self.node.stop()
        await self.node.start()

    async def log(self) -> str:
        """ejabberd's log, with all that has been logged before."""
        await self.node.eval("[logger_std_h:filesync(H) || H <- logger:get_handler_ids()]")
        return self.node.log_text()


WITNESS_TOKEN = "ee" * 32

DEFAULT_MODULES: dict[str, Any] = {
    "mod_adhoc": {}, "mod_disco": {}, "mod_offline": {}, "mod_roster": {},
    "mod_stream_mgmt": STREAM_MANAGEMENT,
}
