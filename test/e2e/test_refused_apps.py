"""A certificate, key, topic or environment that is wrong, and a thousand devices: none of them goes, one alarm says what to look
at, and pushes go on when it is mended."""

import hashlib
import re

from bed import Bed
from bed.simulator import TOPIC
from bed.suite import Suite, expect, run

DEVICES = 1000

# Waits between the pushes that try whether it is over: short, so that the end of a pause comes soon.
PROBES = {"probe_min_interval": "100 ms", "probe_max_interval": "200 ms"}

# What Apple says of a wrong certificate, key, topic or environment.
REASONS = (
    "BadCertificate", "BadCertificateEnvironment", "BadDeviceToken", "BadEnvironmentKeyIdInToken", "BadEnvironmentKeyInToken",
    "BadTopic", "DeviceTokenNotForTopic", "ExpiredProviderToken", "Forbidden", "InvalidProviderToken", "MissingProviderToken",
    "MissingTopic", "TopicDisallowed", "UnrelatedKeyIdInToken",
)


class Thousand(Bed):
    """A thousand users with a device each. They have accounts, and nobody has ever pushed to them."""

    async def __aenter__(self) -> "Thousand":
        await super().__aenter__()
        made = await self.node.eval(f"""lists:usort([begin
            User = <<"many", (integer_to_binary(N))/binary>>,
            ok = ejabberd_auth:try_register(User, <<"localhost">>, <<"secret">>),
            push_devices:register(#{{us => {{User, <<"localhost">>}}, app => <<"{TOPIC}">>,
                token => string:lowercase(binary:encode_hex(crypto:hash(sha256, User))), kind => alert, device_id => <<>>, node => <<>>,
                name => <<>>, resource => <<>>, content => none, language => <<>>, remove_on_logout => false,
                registered_at => 1700000000000}})
            end || N <- lists:seq(1, {DEVICES})])""")
        expect("registrations", ["ok"], made)
        return self

    def write_config(self) -> None:
        self.node.write_config(list(self.hosts), self.module_config(apps={TOPIC: self.app()}))

    def app(self, **options: str) -> dict[str, str]:
        return self.simulator.app() | PROBES | options

    def app_with_certificate(self, kind: str) -> dict[str, str]:
        ready = self.simulator.ready
        files = ready["client_certificate_files"][TOPIC]
        return {"environment": self.app()["environment"], "certificate_file": files[kind], "ca_file": ready["ca_file"]} | PROBES

    async def message_to_all(self) -> None:
        alice = await self.sender()
        for number in range(1, DEVICES + 1):
            alice.send(f"many{number}@localhost", "hello")
        await alice.round_trip()
        await self.settle()

    async def devices(self) -> tuple[int, str]:
        """How many, and a digest of all that is kept of them, but for what their pushes came to."""
        count, digest = await self.node.eval(
            f"""{{ok, #{{<<"{TOPIC}">> := Count}}}} = push_devices:count(<<"localhost">>),
            Kept = [maps:without([last_used, last_error], D) || N <- lists:seq(1, {DEVICES}),
                    {{ok, Ds}} <- [push_devices:list({{<<"many", (integer_to_binary(N))/binary>>, <<"localhost">>}})],
                    D <- Ds],
            {{Count, binary:encode_hex(crypto:hash(sha256, term_to_binary(Kept)))}}""")
        return count, digest

    async def alarms(self) -> list[str]:
        return re.findall(r"alarm [a-z_]+: .*", await self.log())

    async def new_alarms(self, before: int) -> list[str]:
        """Waits for one: the log has it some moments after the engine's numbers."""
        for _ in range(1000):
            if raised := (await self.alarms())[before:]:
                return raised
            await self.node.eval("receive after 20 -> ok end")
        return []

    async def until_paused(self) -> None:
        """No event tells how far the answers are, so the engine is asked: paused, and nothing in flight."""
        state = await self.node.eval(
            f"""Ask = fun A(0) -> late; A(N) ->
                case apns_nif:stats(<<"{TOPIC}">>) of
                    #{{paused := 1, in_flight := 0, rejected := R}} when R > 0 -> paused;
                    #{{paused := 1, in_flight := 0, delayed := D, queued := Q}} when D + Q > 0 -> paused;
                    _ -> receive after 20 -> A(N - 1) end
                end
            end, Ask(1000)""")
        expect("the app", "paused", state)

    async def until_mended(self) -> None:
        """A message to one of them is a push that Apple takes, after all that waited. Where nothing waited, it is the one that
        shows that the pause is over."""
        since = await self.simulator.end()
        (await self.sender()).send("many7@localhost", "it is mended")
        while (push := await self.simulator.next_push(since, MANY7)).status != 200:
            since = push.sequence + 1
        await self.engine_at_rest()
        expect("paused", 0, (await self.engine())["paused"])


MANY7 = hashlib.sha256(b"many7").hexdigest()


def named(reason: str) -> str:
    return re.sub("(?<=[a-z])(?=[A-Z])", "_", reason).lower()


def refusing(suite: Suite, reason: str) -> None:
    async def case(bed: Thousand) -> None:
        before, alarms = await bed.devices(), len(await bed.alarms())
        await bed.simulator.script({"reason": reason})
        await bed.message_to_all()
        await bed.until_paused()
        expect("devices", before, await bed.devices())
        raised = await bed.new_alarms(alarms)
        expect(f"alarms {raised}", 1, len(raised))
        await bed.simulator.reset()
        await bed.until_mended()
        expect("devices in the end", before, await bed.devices())
        expect("alarms in the end", alarms + 1, len(await bed.alarms()))

    case.__name__ = named(reason)
    case.__doc__ = f"{reason} for all of a thousand devices removes none, is one alarm, and is over when Apple is content"
    suite.case(case)


# Each bed's first case finds an app that has never pushed, the others one that has: Apple's word weighs differently.
answers = Suite("Apple refuses all", Thousand)
first = Suite("Apple refuses all, from the first on", Thousand)
for each in REASONS:
    refusing(answers, each)
refusing(first, "BadDeviceToken")
refusing(first, "DeviceTokenNotForTopic")

# Apple's judge itself refuses these: as it does until somebody mends ejabberd.yml.
mended = Suite("wrong configuration", Thousand)


async def refused_until_reload(bed: Thousand, wrong: dict[str, str]) -> None:
    before, alarms = await bed.devices(), len(await bed.alarms())
    await bed.node.reload(bed.module_config(apps={TOPIC: wrong}))
    await bed.message_to_all()
    await bed.until_paused()
    expect("devices", before, await bed.devices())
    raised = await bed.new_alarms(alarms)
    expect(f"alarms {raised}", 1, len(raised))
    await bed.node.reload(bed.module_config(apps={TOPIC: bed.app()}))
    await bed.until_mended()
    expect("devices in the end", before, await bed.devices())
    expect("alarms in the end", alarms + 1, len(await bed.alarms()))


@mended.case
async def wrong_topic(bed: Thousand) -> None:
    """another app's topic removes none of a thousand devices, is one alarm, and is mended by a reload"""
    await refused_until_reload(bed, bed.app(topic="im.example.other"))


@mended.case
async def certificate_without_topic(bed: Thousand) -> None:
    """the same of a certificate of no app"""
    await refused_until_reload(bed, bed.app_with_certificate("without_topic"))


if __name__ == "__main__":
    run(answers, first, mended)
