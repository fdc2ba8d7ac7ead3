"""A user's device: slixmpp, a client library that is not ours, with what a phone does: vanish, come back, log out."""

import asyncio
import logging
import secrets
import socket
import struct
import xml.etree.ElementTree as ET
from typing import Any

import slixmpp
from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.stanza import Iq
from slixmpp.xmlstream.handler import Waiter
from slixmpp.xmlstream.matcher import MatcherId

from .waiting import DEADLINE_S, Unexpected, within

NS_PUSH = "urn:xmpp:push:0"
NS_DATA = "jabber:x:data"
NS_COMMANDS = "http://jabber.org/protocol/commands"
PUBLISH_OPTIONS = "http://jabber.org/protocol/pubsub#publish-options"

# It tells of each cut connection as a warning, and cutting connections is what this is for.
logging.getLogger("slixmpp").setLevel(logging.CRITICAL)


def new_token() -> str:
    return secrets.token_hex(32)


class Phone:
    """One client of one user. With stream management (XEP-0198) unless told otherwise."""

    def __init__(self, jid: str, password: str, port: int, resource: str, management: bool = True,
                 resumption: bool = True) -> None:
        self.jid = jid
        self.resource = resource
        self.host = jid.partition("@")[2]
        self._port = port
        self.messages: asyncio.Queue[slixmpp.Message] = asyncio.Queue()
        self._events: dict[str, asyncio.Event] = {}
        client = slixmpp.ClientXMPP(f"{jid}/{resource}", password)
        client.enable_starttls = client.enable_direct_tls = False
        client.enable_plaintext = True
        client["feature_mechanisms"].unencrypted_plain = True
        client["feature_mechanisms"].unencrypted_scram = True
        if management:
            client.register_plugin("xep_0198", {"window": 1, "allow_resume": resumption})
        for event in ("session_start", "session_resumed", "disconnected", "sm_enabled", "failed_all_auth"):
            self._events[event] = asyncio.Event()
            client.add_event_handler(event, self._noted(event))
        client.add_event_handler("message", self.messages.put_nowait)
        self._client = client

    def _noted(self, event: str) -> Any:
        return lambda _: self._events[event].set()

    async def _connect_until(self, event: str) -> None:
        for each in self._events.values():
            each.clear()
        self._client.connect("127.0.0.1", self._port)
        await within(self._events[event].wait(), f"{self.jid}'s {event}")

    async def login(self, present: bool = True) -> "Phone":
        await self._connect_until("session_start")
        if present:
            self._client.send_presence()
        return self

    def be_present(self) -> None:
        self._client.send_presence()

    async def vanish(self) -> None:
        """The connection is gone, without a word to the server."""
        self._client.abort()
        await within(self._events["disconnected"].wait(), f"{self.jid}'s connection to be gone")

    async def reset(self) -> None:
        """The same by RST, which tells the server at once that nothing more was read."""
        assert self._client.transport is not None
        connected = self._client.transport.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await self.vanish()

    def freeze(self) -> None:
        """The connection stays and nothing on it is read or answered any more: a phone that the system suspended."""
        assert self._client.transport is not None
        self._client.transport.pause_reading()

    async def resume(self) -> None:
        """Back to the session that waits (XEP-0198)."""
        await self._connect_until("session_resumed")

    async def logout(self) -> None:
        """A clean end: </stream:stream>."""
        if "xep_0198" in self._client.plugin:
            # Its filter would give the session up only after the connection's end, and the next login would resume.
            self._client["xep_0198"].sm_id = None
        await within(self._client.disconnect(wait=DEADLINE_S), f"{self.jid}'s stream to end")

    async def close(self) -> None:
        self._client.abort()
        # slixmpp's own task would be found unfinished when the loop ends, and say so.
        task = getattr(self._client, "_run_out_filters", None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def send(self, to: str, body: str | None, *children: str, mtype: str = "chat") -> None:
        message = self._client.make_message(to, body, mtype=mtype)
        for child in children:
            message.append(ET.fromstring(child))
        message.send()

    def send_with_id(self, to: str, body: str, stanza_id: str) -> None:
        """With an id of the sender's choice, which may be one that was used before."""
        message = self._client.make_message(to, body, mtype="chat")
        message["id"] = stanza_id
        message.send()

    def send_raw(self, xml: str) -> None:
        """As it stands, whatever the library would think of it."""
        self._client.send_raw(xml)

    async def join(self, room: str, nick: str) -> None:
        """Enters a room; a new one is unlocked."""
        joined = asyncio.Event()
        self._client.add_event_handler("presence_available", lambda _: joined.set(), disposable=True)
        presence = self._client.make_presence(pto=f"{room}/{nick}")
        presence.append(ET.fromstring("<x xmlns='http://jabber.org/protocol/muc'/>"))
        presence.send()
        await within(joined.wait(), f"{self.jid} to enter {room}")
        await self.ask("<query xmlns='http://jabber.org/protocol/muc#owner'>"
                       "<x xmlns='jabber:x:data' type='submit'/></query>", to=room)

    async def next_message(self) -> str:
        """The body of the next message that has one."""
        while True:
            message = await within(self.messages.get(), f"a message at {self.jid}/{self.resource}")
            if message["body"]:
                return message["body"]

    async def round_trip(self) -> None:
        """What was sent before has been handled when this returns."""
        await self.ask("<query xmlns='jabber:iq:version'/>", kind="get", to=self.host, expect_error=None)

    async def ask(self, child: str, kind: str = "set", to: str | None = None,
                  expect_error: bool | None = False) -> Iq:
        """Sends an IQ; the answer. A refusal where none is expected says what it was, and the other way round."""
        iq = self._client.make_iq(ito=to, itype=kind)
        iq.append(ET.fromstring(child))
        try:
            answer = await iq.send(timeout=DEADLINE_S)
        except IqTimeout as error:
            raise Unexpected(f"an answer to {child}", f"nothing for {DEADLINE_S:.0f} s") from error
        except IqError as error:
            if expect_error is False:
                raise Unexpected("a result", f"{error.condition}: {error.text}") from error
            return error.iq
        if expect_error:
            raise Unexpected("an error", str(answer))
        return answer

    async def ask_raw(self, iq: str, iq_id: str) -> Iq:
        """The answer to an <iq/> that goes out as it stands."""
        waiter = Waiter(f"raw {iq_id}", MatcherId(iq_id))
        self._client.register_handler(waiter)
        self.send_raw(iq)
        return await within(waiter.wait(timeout=2 * DEADLINE_S), f"an answer to {iq[:200]}")

    async def ended(self) -> None:
        """The server has ended the connection."""
        await within(self._events["disconnected"].wait(), f"{self.jid}'s connection to be ended by the server")

    # XEP-0357

    async def enable(self, token: str, service: str | None = None, **fields: str) -> None:
        await self.ask(self._enable(token, service, fields))

    async def enable_refused(self, token: str, service: str | None = None, **fields: str) -> tuple[str, str]:
        """Condition and text of the error."""
        return refusal(await self.ask(self._enable(token, service, fields), expect_error=True))

    def enable_xml(self, node: str) -> str:
        return self._enable(node, None, {})

    def _enable(self, node: str, service: str | None, fields: dict[str, str]) -> str:
        form = form_xml({"FORM_TYPE": PUBLISH_OPTIONS} | fields) if fields else ""
        return f"<enable xmlns='{NS_PUSH}' jid='{service or 'push.' + self.host}' node='{node}'>{form}</enable>"

    async def disable(self, node: str | None = None, expect_error: bool = False) -> Iq:
        which = f" node='{node}'" if node else ""
        return await self.ask(f"<disable xmlns='{NS_PUSH}' jid='push.{self.host}'{which}/>", expect_error=expect_error)

    # XEP-0050

    async def command(self, node: str, fields: dict[str, str] | None = None, expect_error: bool = False,
                      action: str = "execute") -> Iq:
        form = form_xml(fields) if fields is not None else ""
        return await self.ask(f"<command xmlns='{NS_COMMANDS}' node='{node}' action='{action}'>{form}</command>",
                              to=self.host, expect_error=expect_error)

    async def devices(self) -> list[dict[str, str]]:
        """The user's devices, as list-push-registrations tells them."""
        answer = await self.command("list-push-registrations")
        return [fields_of(item) for item in answer.xml.iter(f"{{{NS_DATA}}}item")]


def form_xml(fields: dict[str, str]) -> str:
    form = ET.Element("x", {"xmlns": NS_DATA, "type": "submit"})
    for name, text in fields.items():
        field = ET.SubElement(form, "field", {"var": name.replace("_", "-") if name != "FORM_TYPE" else name})
        ET.SubElement(field, "value").text = text
    return ET.tostring(form, encoding="unicode")


def fields_of(element: ET.Element) -> dict[str, str]:
    """The single values of a form or an item."""
    return {field.get("var", ""): field.findtext(f"{{{NS_DATA}}}value") or ""
            for field in element.iter(f"{{{NS_DATA}}}field")}


def refusal(answer: Iq) -> tuple[str, str]:
    return answer["error"]["condition"], answer["error"]["text"]
