"""Clients that come by WebSocket (RFC 7395) and by BOSH (XEP-0124, XEP-0206): just enough to log in, ask, and go."""

import asyncio
import base64
import http.client
import itertools
import secrets
import xml.etree.ElementTree as ET
from typing import Protocol

import websockets.asyncio.client

from .waiting import DEADLINE_S, Unexpected, within

NS_FRAMING = "urn:ietf:params:xml:ns:xmpp-framing"
NS_SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
NS_BIND = "urn:ietf:params:xml:ns:xmpp-bind"
NS_BOSH = "http://jabber.org/protocol/httpbind"
NS_XBOSH = "urn:xmpp:xbosh"
NS_MANAGEMENT = "urn:xmpp:sm:3"
NS_SASL2 = "urn:xmpp:sasl:2"
_STANZAS = {f"{{jabber:client}}{name}" for name in ("iq", "message", "presence")}


class Transport(Protocol):
    """How stanzas get there and back."""

    async def open(self, sender: str) -> None: ...
    async def restart(self) -> None: ...
    async def send(self, xml: str) -> None: ...
    async def receive(self) -> ET.Element: ...
    async def logout(self) -> None: ...
    async def vanish(self) -> None: ...


class WebPhone:
    """One client of one user, over the transport that it is given. With a user agent it logs in by SASL2 (XEP-0388)."""

    def __init__(self, jid: str, password: str, transport: Transport, user_agent: str | None = None) -> None:
        self.jid = jid
        self.resource = ""
        self.user_agent = user_agent
        self._password = password
        self._transport = transport
        self._ids = itertools.count(1)
        self._session = ""
        self._received = 0

    async def login(self, resource: str = "web") -> "WebPhone":
        self.resource = resource
        await self._authenticate()
        await self.ask(f"<bind xmlns='{NS_BIND}'><resource>{resource}</resource></bind>")
        await self._transport.send("<presence xmlns='jabber:client'/>")
        return self

    async def login_bound(self, tag: str) -> "WebPhone":
        """The session comes with the login (XEP-0386): the server chooses the resource."""
        await self._authenticate(f"<bind xmlns='urn:xmpp:bind:0'><tag>{tag}</tag></bind>")
        await self._transport.send("<presence xmlns='jabber:client'/>")
        return self

    async def _authenticate(self, inline: str = "") -> None:
        user = self.jid.partition("@")[0]
        plain = base64.b64encode(f"\0{user}\0{self._password}".encode()).decode()
        await self._transport.open(self.jid)
        if self.user_agent is not None:
            return await self._authenticate2(plain, inline)
        await self._transport.send(f"<auth xmlns='{NS_SASL}' mechanism='PLAIN'>{plain}</auth>")
        await self._until(f"{{{NS_SASL}}}success")
        await self._transport.restart()

    async def _authenticate2(self, plain: str, inline: str) -> None:
        await self._transport.send(
            f"<authenticate xmlns='{NS_SASL2}' mechanism='PLAIN'><initial-response>{plain}</initial-response>"
            f"<user-agent id='{self.user_agent}'/>{inline}</authenticate>")
        success = await self._until(f"{{{NS_SASL2}}}success")
        jid = success.findtext(f"{{{NS_SASL2}}}authorization-identifier") or ""
        self.resource = jid.partition("/")[2] or self.resource

    async def manage(self) -> "WebPhone":
        """Asks for a session that can be resumed (XEP-0198)."""
        await self._transport.send(f"<enable xmlns='{NS_MANAGEMENT}' resume='true'/>")
        self._session = (await self._until(f"{{{NS_MANAGEMENT}}}enabled")).get("id", "")
        self._received = 0
        return self

    async def resume(self) -> None:
        """Back to the session that waits."""
        resume = f"<resume xmlns='{NS_MANAGEMENT}' h='{self._received}' previd='{self._session}'/>"
        if self.user_agent is not None:
            return await self._authenticate(resume)
        await self._authenticate()
        await self._transport.send(resume)
        await self._until(f"{{{NS_MANAGEMENT}}}resumed")

    async def ask(self, child: str) -> ET.Element:
        """The result of an IQ set to the own account."""
        name = f"q{next(self._ids)}"
        await self._transport.send(f"<iq xmlns='jabber:client' type='set' id='{name}'>{child}</iq>")
        answer = await self._until("{jabber:client}iq", name)
        if answer.get("type") != "result":
            raise Unexpected("a result", ET.tostring(answer, encoding="unicode"))
        return answer

    async def _until(self, tag: str, name: str | None = None) -> ET.Element:
        async def wanted() -> ET.Element:
            while True:
                element = await self._transport.receive()
                self._received += element.tag in _STANZAS
                if element.tag == f"{{{NS_MANAGEMENT}}}r":
                    await self._transport.send(f"<a xmlns='{NS_MANAGEMENT}' h='{self._received}'/>")
                if element.tag == tag and name in (None, element.get("id")):
                    return element
        return await within(wanted(), f"{tag} for {self.jid}")

    async def logout(self) -> None:
        """A clean end, in the transport's way."""
        await within(self._transport.logout(), f"{self.jid}'s end")

    async def vanish(self) -> None:
        """Gone without a word."""
        await self._transport.vanish()


class WebSocket:
    """An element is a message (RFC 7395, section 3.3)."""

    def __init__(self, port: int, host: str = "localhost") -> None:
        self._url = f"ws://127.0.0.1:{port}/ws"
        self._host = host
        self._socket: websockets.asyncio.client.ClientConnection | None = None

    def _connected(self) -> websockets.asyncio.client.ClientConnection:
        assert self._socket is not None
        return self._socket

    async def open(self, sender: str) -> None:
        self._socket = await websockets.asyncio.client.connect(self._url, subprotocols=["xmpp"], proxy=None)
        # From whom: only then SASL2 is offered.
        await self.send(f"<open xmlns='{NS_FRAMING}' to='{self._host}' from='{sender}' version='1.0'/>")

    async def restart(self) -> None:
        await self.send(f"<open xmlns='{NS_FRAMING}' to='{self._host}' version='1.0'/>")

    async def send(self, xml: str) -> None:
        await self._connected().send(xml)

    async def receive(self) -> ET.Element:
        return ET.fromstring(await self._connected().recv())

    async def logout(self) -> None:
        await self.send(f"<close xmlns='{NS_FRAMING}'/>")
        await self._connected().wait_closed()

    async def vanish(self) -> None:
        self._connected().transport.abort()
        await self._connected().wait_closed()


class Bosh:
    """An element is a child of a body; requests are made one after the other, the server answers each when it has something."""

    def __init__(self, port: int, host: str = "localhost") -> None:
        self._port = port
        self._host = host
        self._request = secrets.randbelow(1 << 40)
        self._session = ""
        self._received: list[ET.Element] = []

    async def open(self, _sender: str) -> None:
        self._session = ""
        await self._post(f"to='{self._host}' ver='1.6' wait='{int(DEADLINE_S) // 2}' hold='1' xmlns:xmpp='{NS_XBOSH}' "
                         "xmpp:version='1.0'")

    async def restart(self) -> None:
        await self._post(f"to='{self._host}' xmlns:xmpp='{NS_XBOSH}' xmpp:restart='true'")

    async def send(self, xml: str) -> None:
        await self._post("", xml)

    async def receive(self) -> ET.Element:
        while not self._received:
            await self._post("")
        return self._received.pop(0)

    async def logout(self) -> None:
        await self._post("type='terminate'", "<presence xmlns='jabber:client' type='unavailable'/>")

    async def vanish(self) -> None:
        """No request any more: the server gives it up by itself."""

    async def _post(self, attributes: str, content: str = "") -> None:
        self._request += 1
        session = f" sid='{self._session}'" if self._session else ""
        body = f"<body xmlns='{NS_BOSH}' rid='{self._request}'{session} {attributes}>{content}</body>"
        answer = await asyncio.to_thread(self._exchange, body)
        self._session = answer.get("sid") or self._session
        self._received.extend(answer)

    def _exchange(self, body: str) -> ET.Element:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=DEADLINE_S)
        try:
            connection.request("POST", "/bosh", body, {"Content-Type": "text/xml; charset=utf-8"})
            return ET.fromstring(connection.getresponse().read())
        finally:
            connection.close()
