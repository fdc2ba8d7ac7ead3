"""The package aioapns as a client to be measured. How such a program is called is told in the crate `peer`."""

import asyncio
import json
import ssl
import sys
from pathlib import Path

from aioapns import APNs, NotificationRequest, PushType
from aioapns.connection import APNsProductionClientProtocol

LIFETIME_S = 86_400
# aioapns knows an answer by its apns-id, and the server's are made of the stream's number.
APNS_ID = "6d1c5d3e-0000-4000-8000-0000{:08x}"


class Client:
    """One connection, and pushes in the order of its streams."""

    def __init__(self, port: str, folder: str):
        # There is no option for it.
        APNsProductionClientProtocol.APNS_SERVER = "127.0.0.1"
        APNsProductionClientProtocol.APNS_PORT = int(port)
        context = ssl.create_default_context(cafile=f"{folder}/ca.pem")
        context.set_alpn_protocols(["h2"])
        self._apns = APNs(
            key=Path(f"{folder}/key.p8").read_text(), key_id="BENCHKEY01", team_id="BENCHTEAM1", topic="im.example.chat",
            max_connections=1, ssl_context=context,
        )
        self._tokens = Path(f"{folder}/tokens").read_text().split()
        self._message = json.loads(Path(f"{folder}/payload.json").read_text())
        self._sent = 0

    async def flood(self, pushes: int, in_flight: int) -> int:
        """How many were answered 200; never more than streams are in flight, so none waits for a stream."""
        first, last = self._sent, self._sent + pushes
        await asyncio.gather(*(self._work(last) for _ in range(in_flight)))
        return self._sent - first

    async def _work(self, last: int) -> None:
        while self._sent < last:
            number, self._sent = self._sent, self._sent + 1
            request = NotificationRequest(
                device_token=self._tokens[number % len(self._tokens)], message=self._message,
                notification_id=APNS_ID.format(2 * number + 1), time_to_live=LIFETIME_S, priority=10, push_type=PushType.ALERT,
            )
            answer = await self._apns.send_notification(request)
            if not answer.is_successful:
                raise SystemExit(f"not 200: {answer.status} {answer.description}")


async def main(port: str, folder: str, streams: int, warm_up: int, pushes: int) -> None:
    client = Client(port, folder)
    # Alone, so that there is a connection for those that follow.
    await client.flood(1, 1)
    await client.flood(warm_up - 1, streams)
    print("ready", flush=True)
    sys.stdin.readline()
    print(f"ok={await client.flood(pushes, streams)}", flush=True)
    # Whoever started this looks at the process until then.
    sys.stdin.read()


asyncio.run(main(*sys.argv[1:3], *map(int, sys.argv[3:])))
