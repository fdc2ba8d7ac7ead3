"""XMPP clients of which ejabberd notices no more than of any other, and that cost next to nothing: ready-made bytes out, counted bytes in."""

import base64
import selectors
import socket
import threading
import time

from .process import Failure

PATIENCE_S = 60.0


class Client:
    """One session over a plain socket, as `bind` left it: present, without stream management."""

    def __init__(self, port: int, user: str, host: str, password: str, resource: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        header = (f"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
                  f"to='{host}' version='1.0'>")
        plain = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        self._ask(header, b"</stream:features>")
        self._ask(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>", b"<success")
        self._ask(header, b"</stream:features>")
        self._ask(f"<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                  f"<resource>{resource}</resource></bind></iq>", b"</jid>")
        # The answer comes after the session has become available.
        self._ask(f"<presence/>{_question('there', host)}", b"'there'")

    def send(self, stanzas: bytes, mark: str, host: str) -> None:
        """Returns when the server has handled them all: it answers a question behind them."""
        self.socket.sendall(stanzas)
        self._ask(_question(mark, host), f"'{mark}'".encode())

    def close(self) -> None:
        self.socket.close()

    def _ask(self, text: str, wanted: bytes) -> None:
        self.socket.sendall(text.encode())
        came = b""
        while wanted not in came:
            piece = self.socket.recv(65536)
            if not piece:
                raise Failure(f"ejabberd hung up; it said last: {came[-200:].decode(errors='replace')}")
            came = came[-200:] + piece


def _question(mark: str, host: str) -> str:
    return f"<iq type='get' id='{mark}' to='{host}'><query xmlns='jabber:iq:version'/></iq>"


def send_all(clients: list[Client], loads: list[bytes], mark: str, host: str) -> None:
    """Each client sends its load; returns when all of them have been handled."""
    failures: list[Exception] = []

    def one(client: Client, load: bytes) -> None:
        try:
            client.send(load, mark, host)
        except (OSError, Failure) as failure:
            failures.append(failure)

    threads = [threading.Thread(target=one, args=pair) for pair in zip(clients, loads, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise Failure(f"a sender failed: {failures[0]}")


class Recipients:
    """Reads what comes to some clients, and counts the messages in it."""

    END = b"</message>"

    def __init__(self, clients: list[Client]) -> None:
        self._selector = selectors.DefaultSelector()
        for client in clients:
            self._selector.register(client.socket, selectors.EVENT_READ, bytearray())

    def receive(self, count: int) -> None:
        """Returns when so many messages have come."""
        deadline = time.monotonic() + PATIENCE_S
        while count > 0:
            ready = self._selector.select(deadline - time.monotonic())
            if not ready:
                raise Failure(f"{count} messages did not come within {PATIENCE_S:.0f} s")
            for key, _ in ready:
                # An end that two reads share is counted with the second.
                rest = key.data
                rest += key.fileobj.recv(1 << 18)
                count -= rest.count(self.END)
                del rest[: max(0, len(rest) - len(self.END) + 1)]

    def close(self) -> None:
        self._selector.close()
