"""The simulator as a process, and its journal as pushes."""

import asyncio
import http.client
import json
import os
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import child
from .paths import SIMULATOR
from .waiting import DEADLINE_S, Unexpected, within

TOPIC = "im.example.chat"


@dataclass(frozen=True)
class Push:
    """One request in the journal."""

    sequence: int
    received_at_us: int
    token: str
    headers: dict[str, str]
    payload: dict[str, Any]
    status: int | None
    reason: str | None

    @property
    def aps(self) -> dict[str, Any]:
        return self.payload.get("aps", {})

    @property
    def alert(self) -> dict[str, str]:
        """The alert as a dictionary, whichever form it has."""
        alert = self.aps.get("alert", {})
        return {"body": alert} if isinstance(alert, str) else alert

    @property
    def shown(self) -> str:
        """What the phone shows, in one line."""
        return " / ".join(text for key in ("title", "subtitle", "body") if (text := self.alert.get(key)))


class Simulator:
    """Apple. May be killed and started again at the same port with the same credentials."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "apns_sim.log"
        self.ready: dict[str, Any] = {}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        port = self.ready["provider"]["port"] if self.ready else 0
        self._process = await child.start(
            [str(SIMULATOR), "--listen", f"127.0.0.1:{port}", "--state-dir", str(self.folder / "apple"),
             "--topic", TOPIC, "--exit-with-stdin"],
            self.log, dict(os.environ), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        assert self._process.stdout is not None
        line = await within(self._process.stdout.readline(), "the simulator's ready line")
        if not line:
            raise Unexpected("the simulator's ready line", f"it ended; its log is {self.log}")
        self.ready = json.loads(line)

    async def stop(self) -> None:
        await child.stop(self._process)

    async def kill(self) -> None:
        """Without a word to anybody."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    def app(self) -> dict[str, str]:
        """The options of an app in ejabberd.yml that lead here."""
        ready = self.ready
        return {"environment": f"https://127.0.0.1:{ready['provider']['port']}", "key_file": ready["key_file"],
                "key_id": ready["key_id"], "team_id": ready["team_id"], "ca_file": ready["ca_file"]}

    async def journal(self, since: int = 1, wait_ms: int = 0, token: str | None = None) -> list[Push]:
        query = f"/journal?since={since}&wait_ms={wait_ms}" + (f"&token={token}" if token else "")
        page = await self._ask(query)
        return [Push(sequence=entry["sequence"], received_at_us=entry["received_at_us"], token=entry.get("token") or "",
                     headers=_headers(entry["headers"]), payload=_payload(entry.get("payload")),
                     status=entry.get("status"), reason=entry.get("reason")) for entry in page["entries"]]

    async def next_push(self, since: int, token: str | None = None, seconds: float = DEADLINE_S) -> Push:
        """The first push at or after `since`, waiting for it."""
        pushes = await self.journal(since, int(seconds * 1000), token)
        if not pushes:
            raise Unexpected("a push" + (f" to {token[:8]}…" if token else ""), f"none for {seconds:.0f} s")
        return pushes[0]

    async def end(self) -> int:
        """The sequence that the next push will have."""
        pushes = await self.journal()
        return pushes[-1].sequence + 1 if pushes else 1

    async def script(self, *steps: dict[str, Any]) -> None:
        await self._ask("/script", json.dumps(list(steps)).encode())

    async def uninstall(self, token: str, timestamp_ms: int | None = None) -> None:
        """The app is gone from this phone, by default as of now. Apple itself tells the time in whole seconds, which
        would put an uninstallation before a registration of the same second."""
        now = time.time_ns() // 1_000_000
        await self.script({"unregister": token, "timestamp": now if timestamp_ms is None else timestamp_ms})

    async def reset(self) -> None:
        await self._ask("/reset", b"")

    async def _ask(self, path: str, body: bytes | None = None) -> Any:
        url = f"http://127.0.0.1:{self.ready['control']['port']}{path}"

        def ask() -> Any:
            with urllib.request.urlopen(url, body, timeout=DEADLINE_S + 10) as answer:
                return json.load(answer)

        try:
            return await asyncio.to_thread(ask)
        # It is gone, it broke off its answer, or what came is no JSON.
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unexpected(f"the simulator's answer to {path.partition('?')[0]}", f"{error}{self._ended()}") from None

    def _ended(self) -> str:
        if self._process is None or self._process.returncode is None:
            return ""
        return f"; it has ended with {self._process.returncode}"


def _headers(headers: Any) -> dict[str, str]:
    pairs = headers.items() if isinstance(headers, dict) else headers
    return {name: value[0] if isinstance(value, list) else value for name, value in pairs}


def _payload(payload: Any) -> dict[str, Any]:
    return payload if isinstance(payload, dict) else {}
