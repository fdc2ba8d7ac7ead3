"""What counts as a logout, by whichever way a session came and went: only a client's own clean end."""

from bed import Bed, child
from bed.machine import PASSWORD
from bed.phone import NS_PUSH, PUBLISH_OPTIONS, form_xml, new_token
from bed.suite import Suite, expect, run
from bed.web import Bosh, WebPhone, WebSocket

MODULES = {"mod_adhoc": {}, "mod_bosh": {"max_inactivity": "1 second"}, "mod_disco": {}, "mod_offline": {},
           "mod_roster": {}, "mod_version": {}, "mod_stream_mgmt": {"resume_timeout": 300}}


class WebBed(Bed):
    """With a port for WebSocket and BOSH."""

    def write_config(self) -> None:
        (self.web_port,) = child.free_ports(1)
        handlers = {"/ws": "ejabberd_http_ws", "/bosh": "mod_bosh"}
        self.node.write_config(list(self.hosts), self.module_config())
        self.more_config = {"listen": [*self.node.config["listen"], {
            "port": self.web_port, "ip": "127.0.0.1", "module": "ejabberd_http", "request_handlers": handlers}]}
        super().write_config()

    async def web_user(self, transport: type[WebSocket] | type[Bosh]) -> tuple[str, WebPhone, str]:
        """Somebody who came that way and registered a device that is to go at logout."""
        jid, token = await self.user(), new_token()
        phone = await WebPhone(jid, PASSWORD, transport(self.web_port)).login()
        form = form_xml({"FORM_TYPE": PUBLISH_OPTIONS, "remove_on_logout": "true"})
        await phone.ask(f"<enable xmlns='{NS_PUSH}' jid='push.localhost' node='{token}'>{form}</enable>")
        return jid, phone, token


logout = Suite("what is a logout", lambda: WebBed(MODULES))


async def leaves(bed: Bed, jid: str) -> None:
    """The next message is pushed nowhere, and the database has no device."""
    await bed.session_ends(jid)
    await bed.until_stored(jid, [])
    since = await bed.simulator.end()
    (await bed.sender()).send(jid, "hello")
    expect("pushes after the logout", [], await bed.pushes(since, jid))


async def stays(bed: Bed, jid: str, token: str) -> None:
    """The next message is pushed there."""
    await bed.session_ends(jid)
    await bed.settle(jid)
    since = await bed.simulator.end()
    (await bed.sender()).send(jid, "hello")
    expect("pushes", [token], [push.token for push in await bed.pushes(since, jid)])
    expect("tokens", [token], await bed.stored(jid))


@logout.case
async def websocket_close(bed: WebBed) -> None:
    """<close/> by WebSocket is one"""
    jid, phone, _ = await bed.web_user(WebSocket)
    await phone.logout()
    await leaves(bed, jid)


@logout.case
async def websocket_cut(bed: WebBed) -> None:
    """a WebSocket that is cut is none"""
    jid, phone, token = await bed.web_user(WebSocket)
    await phone.vanish()
    await stays(bed, jid, token)


@logout.case
async def bosh_terminate(bed: WebBed) -> None:
    """type='terminate' by BOSH is one"""
    jid, phone, _ = await bed.web_user(Bosh)
    await phone.logout()
    await leaves(bed, jid)


@logout.case
async def bosh_silent(bed: WebBed) -> None:
    """a BOSH client that asks no more is none"""
    jid, phone, token = await bed.web_user(Bosh)
    await phone.vanish()
    await stays(bed, jid, token)


@logout.case
async def kicked(bed: WebBed) -> None:
    """being kicked by an admin is none"""
    jid = await bed.user()
    _, token = await bed.registered(jid, remove_on_logout="true")
    user = jid.partition("@")[0]
    await bed.node.eval(f'ejabberd_sm:kick_user(<<"{user}">>, <<"localhost">>)')
    await stays(bed, jid, token)


@logout.case
async def node_stops(bed: WebBed) -> None:
    """the server's own end is none"""
    jid = await bed.user()
    _, token = await bed.registered(jid, remove_on_logout="true")
    # The phone is still there when the server goes.
    await bed.node.stop()
    await bed.restart_node()
    await stays(bed, jid, token)


if __name__ == "__main__":
    run(logout)
