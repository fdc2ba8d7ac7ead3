"""What counts as a logout, and what it takes with it: each end of a session, for a phone that asked for it and one that
did not, whatever the store. A phone has two tokens here, one for messages and one for calls: both go, or both stay."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from bed import Bed, child
from bed.machine import PASSWORD
from bed.paths import ejabberd_version
from bed.phone import NS_PUSH, PUBLISH_OPTIONS, Phone, form_xml, new_token
from bed.suite import Case, Suite, expect
from bed.web import Bosh, WebPhone, WebSocket

MODULES = {"mod_adhoc": {}, "mod_admin_extra": {}, "mod_bosh": {"max_inactivity": "1 second"}, "mod_disco": {},
           "mod_offline": {}, "mod_roster": {}, "mod_version": {}, "mod_stream_mgmt": {"resume_timeout": 300}}
PROPOSE = ("<propose xmlns='urn:xmpp:jingle-message:0' id='call'>"
           "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose>")
STORE = "<store xmlns='urn:xmpp:hints'/>"
HAS_SASL2 = ejabberd_version() >= [24, 2]


class WebBed(Bed):
    """With a port for WebSocket and BOSH."""

    def write_config(self) -> None:
        (self.web_port,) = child.free_ports(1)
        web = {"port": self.web_port, "ip": "127.0.0.1", "module": "ejabberd_http",
               "request_handlers": {"/ws": "ejabberd_http_ws", "/bosh": "mod_bosh"}}
        if HAS_SASL2:
            web["allow_unencrypted_sasl2"] = True
        # The port for clients is known when this has been called once.
        super().write_config()
        self.more_config |= {"listen": [*self.node.config["listen"], web]}
        super().write_config()

    def web_phone(self, jid: str, transport: type[WebSocket] | type[Bosh], user_agent: str | None = None) -> WebPhone:
        return WebPhone(jid, PASSWORD, transport(self.web_port), user_agent)

    async def web(self, jid: str, transport: type[WebSocket] | type[Bosh]) -> WebPhone:
        return await self.web_phone(jid, transport).login()

    async def command(self, name: str, *arguments: str) -> None:
        """What ejabberdctl does."""
        given = ",".join(f'<<"{argument}">>' for argument in arguments)
        await self.node.eval(f"ejabberd_commands:execute_command2({name}, [{given}], #{{caller_module => ejabberd_ctl}})")


class Client(Protocol):
    async def ask(self, child: str) -> Any: ...


@dataclass(frozen=True)
class Device:
    """A phone's two tokens."""

    remove: bool
    alert: str = field(default_factory=new_token)
    voip: str = field(default_factory=new_token)
    device_id: str = field(default_factory=lambda: secrets.token_hex(4))

    async def register(self, client: Client) -> None:
        for kind, token in (("alert", self.alert), ("voip", self.voip)):
            form = form_xml({"FORM_TYPE": PUBLISH_OPTIONS, "kind": kind, "device_id": self.device_id,
                             "remove_on_logout": str(self.remove).lower()})
            await client.ask(f"<enable xmlns='{NS_PUSH}' jid='push.localhost' node='{token}'>{form}</enable>")


# How a user's session with this device comes and goes. Other devices that it names stay in any case.
End = Callable[[WebBed, str, Device], Awaitable["list[Device] | None"]]


@dataclass(frozen=True)
class Row:
    promise: str
    end: End
    is_logout: bool


ROWS: list[Row] = []


def row(is_logout: bool) -> Callable[[End], End]:
    def add(end: End) -> End:
        ROWS.append(Row((end.__doc__ or "").strip(), end, is_logout))
        return end
    return add


async def registered(bed: WebBed, jid: str, device: Device, **more: Any) -> Phone:
    phone = await bed.online(jid, **more)
    await device.register(phone)
    return phone


async def registered_by_web(bed: WebBed, jid: str, device: Device, transport: type[WebSocket] | type[Bosh]) -> WebPhone:
    phone = await bed.web(jid, transport)
    await device.register(phone)
    return phone


async def lost(bed: Bed, phone: Phone | WebPhone, cut: Callable[[], Awaitable[None]] | None = None) -> None:
    """The connection is cut, and the server knows: the session waits, or has ended. No event tells of both, so it is
    asked for."""
    await (cut or phone.vanish)()
    user = phone.jid.partition("@")[0]
    expect(f"the session of {phone.resource}", "lost", await bed.node.eval(
        f"""Lost = fun L(0) -> late; L(N) ->
            case ejabberd_sm:get_session_pid(<<"{user}">>, <<"localhost">>, <<"{phone.resource}">>) of
                none -> lost;
                Pid ->
                    case catch sys:get_state(Pid) of
                        #{{mgmt_state := pending}} -> lost;
                        _ -> receive after 10 -> L(N - 1) end
                    end
            end
        end, Lost(1000)"""))


# Logouts: the client's own clean end


@row(is_logout=True)
async def tcp_close(bed: WebBed, jid: str, device: Device) -> None:
    """</stream:stream>"""
    await (await registered(bed, jid, device)).logout()


@row(is_logout=True)
async def tcp_close_unmanaged(bed: WebBed, jid: str, device: Device) -> None:
    """</stream:stream> of a session without XEP-0198"""
    await (await registered(bed, jid, device, management=False)).logout()


@row(is_logout=True)
async def websocket_close(bed: WebBed, jid: str, device: Device) -> None:
    """<close/> by WebSocket"""
    await (await registered_by_web(bed, jid, device, WebSocket)).logout()


@row(is_logout=True)
async def bosh_terminate(bed: WebBed, jid: str, device: Device) -> None:
    """type='terminate' by BOSH"""
    await (await registered_by_web(bed, jid, device, Bosh)).logout()


@row(is_logout=True)
async def tcp_resumed(bed: WebBed, jid: str, device: Device) -> None:
    """</stream:stream> of a session that was resumed"""
    phone = await bed.online(jid)
    await resumed(bed, jid, device, phone)


@row(is_logout=True)
async def websocket_resumed(bed: WebBed, jid: str, device: Device) -> None:
    """<close/> by WebSocket of a session that was resumed"""
    await resumed(bed, jid, device, await (await bed.web(jid, WebSocket)).manage())


@row(is_logout=True)
async def bosh_resumed(bed: WebBed, jid: str, device: Device) -> None:
    """type='terminate' by BOSH of a session that was resumed, which ejabberd grants there too"""
    await resumed(bed, jid, device, await (await bed.web(jid, Bosh)).manage())


async def resumed(bed: WebBed, jid: str, device: Device, phone: Phone | WebPhone) -> None:
    await device.register(phone)
    await lost(bed, phone)
    expect("tokens in between", sorted([device.alert, device.voip]), sorted(await bed.stored(jid)))
    await phone.resume()
    await phone.logout()


@row(is_logout=True)
async def next_session(bed: WebBed, jid: str, device: Device) -> None:
    """</stream:stream> of a later session with the same resource, which registered nothing"""
    await lost(bed, await registered(bed, jid, device))
    later = await bed.online(jid)
    await bed.settle(jid)
    await later.logout()


@row(is_logout=True)
async def one_of_two(bed: WebBed, jid: str, device: Device) -> list[Device]:
    """</stream:stream> of one of two phones: the other's tokens stay"""
    other = Device(remove=True)
    await lost(bed, await registered(bed, jid, other, resource="pad"))
    await (await registered(bed, jid, device)).logout()
    return [other]


@row(is_logout=True)
async def two_of_one(bed: WebBed, jid: str, device: Device) -> list[Device]:
    """</stream:stream> of a session with two devices: each goes if it asked for it"""
    phone = await registered(bed, jid, device)
    other = Device(remove=False)
    await other.register(phone)
    await phone.logout()
    return [other]


@row(is_logout=True)
async def moved(bed: WebBed, jid: str, device: Device) -> None:
    """</stream:stream> of the session that registered the device last; another's before it changes nothing"""
    first = await registered(bed, jid, device)
    second = await registered(bed, jid, device, resource="pad")
    await first.logout()
    await bed.settle(jid)
    expect("tokens after the first's end", sorted([device.alert, device.voip]), sorted(await bed.stored(jid)))
    await second.logout()


# All others


@row(is_logout=False)
async def tcp_cut(bed: WebBed, jid: str, device: Device) -> None:
    """a connection that ends"""
    await lost(bed, await registered(bed, jid, device))


@row(is_logout=False)
async def tcp_cut_unmanaged(bed: WebBed, jid: str, device: Device) -> None:
    """a connection that ends, of a session without XEP-0198"""
    await (await registered(bed, jid, device, management=False)).vanish()
    await bed.session_ends(jid)


@row(is_logout=False)
async def tcp_reset(bed: WebBed, jid: str, device: Device) -> None:
    """a connection that is reset"""
    phone = await registered(bed, jid, device)
    await lost(bed, phone, phone.reset)


@row(is_logout=False)
async def tcp_silent(bed: WebBed, jid: str, device: Device) -> None:
    """a connection that says nothing any more, and is given up"""
    phone = await registered(bed, jid, device)
    await phone.round_trip()
    phone.freeze()
    (await bed.sender()).send(jid, "into the void")
    await (await bed.sender()).round_trip()
    # As if ack_timeout were over: the timer that the server set itself.
    user = jid.partition("@")[0]
    gone = await bed.node.eval(
        f"""[begin #{{mgmt_ack_timer := T}} = sys:get_state(P), P ! {{timeout, T, ack_timeout}}, ok end
        || {{_, P}} <- ejabberd_sm:get_session_sids(<<"{user}">>, <<"localhost">>)]""")
    expect("sessions that were given up", ["ok"], gone)


@row(is_logout=False)
async def given_up(bed: WebBed, jid: str, device: Device) -> None:
    """a session that nobody resumed in time"""
    await lost(bed, await registered(bed, jid, device))
    user = jid.partition("@")[0]
    await bed.node.eval(
        f"""[begin #{{mgmt_pending_timer := T}} = sys:get_state(P), P ! {{timeout, T, pending_timeout}} end
        || {{_, P}} <- ejabberd_sm:get_session_sids(<<"{user}">>, <<"localhost">>)]""")
    await bed.session_ends(jid)


@row(is_logout=False)
async def websocket_cut(bed: WebBed, jid: str, device: Device) -> None:
    """a WebSocket that is cut"""
    await (await registered_by_web(bed, jid, device, WebSocket)).vanish()
    await bed.session_ends(jid)


@row(is_logout=False)
async def bosh_silent(bed: WebBed, jid: str, device: Device) -> None:
    """a BOSH client that asks no more"""
    await (await registered_by_web(bed, jid, device, Bosh)).vanish()
    await bed.session_ends(jid)


@row(is_logout=False)
async def replaced(bed: WebBed, jid: str, device: Device) -> None:
    """a session that takes the place of another"""
    await registered(bed, jid, device)
    await lost(bed, await bed.online(jid))


@row(is_logout=False)
async def kicked_user(bed: WebBed, jid: str, device: Device) -> None:
    """kick_user by an admin"""
    await registered(bed, jid, device)
    await bed.command("kick_user", *jid.split("@"))
    await bed.session_ends(jid)


@row(is_logout=False)
async def kicked_session(bed: WebBed, jid: str, device: Device) -> None:
    """kick_session by an admin"""
    await registered(bed, jid, device)
    await bed.command("kick_session", *jid.split("@"), "phone", "go")
    await bed.session_ends(jid)


@row(is_logout=False)
async def registered_anew(bed: WebBed, jid: str, device: Device) -> None:
    """a logout that is dealt with late, when the device is registered anew already"""
    phone = await registered(bed, jid, device)
    await bed.node.eval("sys:suspend(push_loader)")
    try:
        await phone.logout()
        closed_at = await bed.node.eval("erlang:system_time(millisecond)")
        again = await bed.online(jid)
        # It is answered when the loader goes on.
        registering = asyncio.create_task(device.register(again))
        await until_registered_after(bed, jid, closed_at)
    finally:
        await bed.node.eval("sys:resume(push_loader)")
    await registering
    await lost(bed, again)


async def until_registered_after(bed: Bed, jid: str, when: int) -> None:
    """Waits for the database to have it. No event tells that in all stores, so it is asked for."""
    user, _, host = jid.partition("@")
    expect("the registration", "ok", await bed.node.eval(
        f"""Try = fun T(0) -> late; T(N) ->
            {{ok, Ds}} = push_devices:list({{<<"{user}">>, <<"{host}">>}}),
            case [At || #{{registered_at := At}} <- Ds, At > {when}] of
                [] -> receive after 20 -> T(N - 1) end;
                _ -> ok
            end
        end, Try(200)"""))


# The matrix


async def judge(bed: WebBed, jid: str, *devices: Device) -> None:
    """These devices and no others are stored, and told: of a message and of a call, each by its own token."""
    await bed.settle(jid)
    expect("tokens", sorted(token for device in devices for token in (device.alert, device.voip)),
           sorted(await bed.stored(jid)))
    alice = await bed.sender()
    since = await bed.simulator.end()
    alice.send(jid, "hello")
    alice.send(jid, None, PROPOSE, STORE)
    expect("pushes", sorted((kind, token) for device in devices for kind, token in (
        ("alert", device.alert), ("voip", device.voip))),
        sorted((push.headers["apns-push-type"], push.token) for push in await bed.pushes(since, jid)))


def case_of(each: Row, remove: bool) -> Case:
    async def case(bed: Bed) -> None:
        assert isinstance(bed, WebBed)
        jid, device = await bed.user(), Device(remove)
        others = await each.end(bed, jid, device) or []
        if each.is_logout and not others:
            await bed.session_ends(jid)
        await judge(bed, jid, *([] if each.is_logout and remove else [device]), *others)

    case.__name__ = f"{each.end.__name__}_{'asked' if remove else 'not_asked'}"
    case.__doc__ = (f"{each.promise}: {'a logout' if each.is_logout else 'no logout'}, and the phone "
                    f"{'asked to go with one' if remove else 'did not ask to go with one'}")
    return case


async def account_removed(bed: Bed) -> None:
    """with an account all of its devices go, whatever they asked for, and who takes its name has none of them"""
    assert isinstance(bed, WebBed)
    bob, device, other = await bed.user(), Device(True), Device(False)
    await registered(bed, bob, device)
    await lost(bed, await registered(bed, bob, other, resource="pad"))
    await bed.command("unregister", *bob.split("@"))
    await judge(bed, bob)
    await bed.register_account(bob)
    await judge(bed, bob)


async def node_stops(bed: Bed) -> None:
    """the server's own end is no logout, for whom it finds online and for whom it finds waiting"""
    assert isinstance(bed, WebBed)
    users = [(await bed.user(), Device(remove), waits) for remove in (True, False) for waits in (True, False)]
    for jid, device, waits in users:
        phone = await registered(bed, jid, device)
        if waits:
            await lost(bed, phone)
    await bed.node.stop()
    await bed.restart_node()
    for jid, device, _ in users:
        await judge(bed, jid, device)


def suite(store: str, make: Callable[[], WebBed]) -> Suite:
    return Suite(f"logout, {store}", make,
                 [*(case_of(each, remove) for each in ROWS for remove in (True, False)), account_removed, node_stops])
