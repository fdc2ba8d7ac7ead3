"""The administrator's commands over mod_http_api: who may call which, and what comes back as JSON."""

import asyncio
import base64
import json
import urllib.error
import urllib.request
from typing import Any

from bed import Bed
from bed.child import free_ports
from bed.machine import DEFAULT_MODULES, PASSWORD
from bed.phone import new_token
from bed.simulator import TOPIC
from bed.suite import Suite, expect, run
from bed.waiting import DEADLINE_S


def allowed(acl: str) -> dict[str, Any]:
    return {"access": {"allow": [{"acl": acl}]}}


class Api(Bed):
    """Permissions as docs/operations.md has them, and one for who asks from this machine."""

    def __init__(self) -> None:
        super().__init__(DEFAULT_MODULES | {"mod_http_api": {}})
        (self.api_port,) = free_ports(1)

    def write_config(self) -> None:
        self.more_config |= {
            "listen": [{"port": self.node.port, "ip": "127.0.0.1", "module": "ejabberd_c2s", "access": "c2s"},
                       {"port": self.api_port, "ip": "127.0.0.1", "module": "ejabberd_http",
                        "request_handlers": {"/api": "mod_http_api"}}],
            "acl": {"local": {"user_regexp": ""}, "admin": {"user": ["boss@localhost"]},
                    "helpdesk": {"user": ["desk@localhost"]}},
            "api_permissions": {
                "console commands": {"from": "ejabberd_ctl", "who": "all", "what": "*"},
                "push for the helpdesk": {"from": "mod_http_api", "who": allowed("helpdesk"),
                                          "what": ["push_devices", "push_devices_removed", "push_devices_count", "push_test"]},
                "push for administrators": {"from": "mod_http_api", "who": allowed("admin"), "what": "[tag:push]"},
                "push from this machine": {"from": "mod_http_api", "who": {"ip": "127.0.0.1/8"},
                                           "what": "push_devices_count"},
            },
        }
        super().write_config()

    async def call(self, command: str, arguments: Any, who: str | None = "boss",
                   password: str = PASSWORD) -> tuple[int, Any]:
        """Status and body of a call; arguments that are bytes are the body as it stands."""
        body = arguments if isinstance(arguments, bytes) else json.dumps(arguments).encode()
        headers = {"Content-Type": "application/json"}
        if who:
            if not await self.node.eval(f'ejabberd_auth:user_exists(<<"{who}">>, <<"localhost">>)'):
                await self.register_account(f"{who}@localhost")
            headers["Authorization"] = "Basic " + base64.b64encode(f"{who}@localhost:{password}".encode()).decode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.api_port}/api/{command}", body, headers)

        def ask() -> tuple[int, Any]:
            try:
                with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
                    return answer.status, json.load(answer)
            except urllib.error.HTTPError as error:
                return error.code, json.loads(error.read())

        return await asyncio.to_thread(ask)


api = Suite("mod_http_api", Api)


def whom(jid: str) -> dict[str, str]:
    user, _, host = jid.partition("@")
    return {"user": user, "host": host}


@api.case
async def permissions(bed: Api) -> None:
    """each command is for those whom api_permissions names: a helpdesk sees devices, but no token, and changes nothing"""
    bob = await bed.user()
    await bed.absent(bob)
    user = whom(bob)
    calls = {"push_devices": user, "push_devices_removed": user, "push_test": user, "push_devices_count": {"host": "localhost"}, "push_device_tokens": user,
             "push_test_text": user | {"text": "x"}, "push_device_remove": user | {"device": "x"}, "push_devices_purge": user,
             "push_device_register": user | {"app": TOPIC, "token": "00", "options": ""},
             "push_devices_purge_app": {"host": "localhost", "app": TOPIC, "days": "0"}}
    for command, arguments in calls.items():
        desk = command in ("push_devices", "push_devices_removed", "push_test", "push_devices_count")
        anybody = command == "push_devices_count"
        for who, may in (("desk", desk), ("stranger", anybody), (None, anybody)):
            status, body = await bed.call(command, arguments, who)
            expect(f"{who} calls {command}: {body}", 200 if may else 403, status)
    status, _ = await bed.call("push_devices", user, "boss", password="wrong")
    expect("a wrong password", 401, status)
    expect("tokens", 1, len(await bed.stored(bob)))
    for command in ("push_test_text", "push_device_tokens", "push_devices_purge"):
        status, body = await bed.call(command, calls[command])
        expect(f"an administrator calls {command}: {body}", 200, status)


@api.case
async def devices(bed: Api) -> None:
    """devices come, are seen and go as JSON, their names in any script"""
    bob, token = await bed.user(), new_token()
    status, said = await bed.call("push_device_register", whom(bob) | {
        "app": TOPIC, "token": token, "options": "kind=voip, device_name=Große 携帯 ☎"})
    expect(f"registered: {said}", 200, status)
    status, shown = await bed.call("push_devices", whom(bob))
    expect(f"listed: {shown}", 200, status)
    expect("devices", 1, len(shown))
    expect("said", f"Device {shown[0]['device']} is registered", said)
    expect("device", {"app": TOPIC, "kind": "voip", "token": token[:8] + "...", "content": "none", "language": "",
                      "device_name": "Große 携帯 ☎", "engine": "connected"},
           {key: shown[0][key] for key in ("app", "kind", "token", "content", "language", "device_name", "engine")})
    _, whole = await bed.call("push_device_tokens", whom(bob))
    expect("whole token", [token], [each["token"] for each in whole])
    _, counts = await bed.call("push_devices_count", {"host": "localhost"})
    expect("counts", {"host": "localhost", "app": TOPIC, "engine": "connected"},
           {key: value for key, value in counts[0].items() if key != "devices"})
    status, said = await bed.call("push_device_remove", whom(bob) | {"device": shown[0]["device"]})
    expect("removed", (200, "1 device is removed"), (status, said))
    _, shown = await bed.call("push_devices", whom(bob))
    expect("devices in the end", [], shown)


@api.case
async def outcomes(bed: Api) -> None:
    """a test's outcomes are JSON, and what is not there is 404 with a sentence"""
    bob = await bed.user()
    status, body = await bed.call("push_test", whom(bob))
    expect("no device", (404, 404, True), (status, body["code"], "has no device" in body["message"]))
    good, bad = await bed.absent(bob), await bed.absent(bob)
    await bed.simulator.script({"token": bad, "reason": "BadDeviceToken", "times": 1})
    since = await bed.simulator.end()
    status, body = await bed.call("push_test_text", whom(bob) | {"text": "Grüße"})
    expect(f"status of {body}", 200, status)
    came = {each["token"]: (each["outcome"], each["status"], each["reason"]) for each in body}
    expect("outcomes", {good[:8] + "...": ("accepted", 0, ""), bad[:8] + "...": ("rejected", 400, "BadDeviceToken")}, came)
    journal = {push.token: push for push in await bed.simulator.journal(since)}
    expect("on the screen", "Grüße", journal[good].shown)


@api.case
async def hostile(bed: Api) -> None:
    """arguments of any kind are refused in JSON, change nothing, and leave no crash in the log"""
    bob = await bed.user()
    token = await bed.absent(bob)
    user, register = whom(bob), {"app": TOPIC, "token": new_token(), "options": ""}
    crashes = (await bed.log()).count("REST API Error")
    for command, arguments, statuses, code in [
        ("push_devices", user | {"host": "elsewhere.test"}, [404], 404),
        ("push_devices", user | {"user": "nobody"}, [404], 404),
        ("push_devices", user | {"user": ""}, [500], 400),
        ("push_devices", user | {"user": "x" * 200000}, [500], 400),
        ("push_devices", user | {"user": "a\u0000b"}, [500], 400),
        ("push_device_register", user | register | {"app": "☃"}, [404], 404),
        ("push_device_register", user | register | {"token": "☃"}, [500], 400),
        ("push_device_register", user | register | {"token": "ab" * 100000}, [500], 400),
        ("push_device_register", user | register | {"options": "\u0000=\u0007"}, [500], 400),
        ("push_device_remove", user | {"device": "\u202e" * 50}, [404], 404),
        ("push_device_remove", user | {"device": "x" * 100000}, [500], 400),
        ("push_devices_purge_app", {"host": "localhost", "app": TOPIC, "days": "1e3"}, [500], 400),
        ("push_test_text", user | {"text": "☃" * 1000}, [500], 400),
        # Refused by ejabberd itself.
        ("push_devices", user | {"user": 17}, [400], None),
        ("push_devices", user | {"user": {"a": "b"}}, [400], None),
        ("push_devices", {"user": user["user"]}, [400], None),
        ("push_devices", user | {"more": "x"}, [400], None),
        ("push_devices_purge_app", {"host": "localhost", "app": TOPIC, "days": 0}, [400], None),
        ("push_devices", b"{", [400], None),
    ]:
        status, body = await bed.call(command, arguments)
        what = f"{command} {str(arguments)[:80]}: {str(body)[:200]}"
        expect(f"status of {what}", True, status in statuses)
        if code is not None:
            expect(f"code of {what}", code, body["code"])
            expect(f"a short sentence of {what}", True, 10 < len(body["message"]) < 300)
    expect("tokens", [token], await bed.stored(bob))
    expect("crashes", crashes, (await bed.log()).count("REST API Error"))


if __name__ == "__main__":
    run(api)
