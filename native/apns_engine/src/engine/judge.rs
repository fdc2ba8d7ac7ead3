//! What a final answer says about the app and about the device: pauses, alarms, dead tokens.

use std::time::Duration;

use apns_proto::guard::{Gate, Judgement, PauseCause};
use apns_proto::now::Now;
use apns_proto::response::{Fault, Reason, Response, RetryAdvice};
use apns_proto::session::Fate;

use super::Engine;
use crate::event::{Alarm, Event, EventSink, TokenInvalid};
use crate::queue::QueuedPush;
use crate::utc::utc;

impl<S: EventSink> Engine<S> {
    pub(super) fn judge(&mut self, now: Now, push: &QueuedPush<S::Recipient>, response: &Response) {
        let dead = response.invalidates_token().then(|| TokenInvalid {
            owner: push.context.owner.clone(),
            device_token: push.request.device_token.clone(),
            reason: response.reason.clone(),
            // What carries no time of Apple's holds for the moment when the push was written.
            timestamp_ms: response.timestamp_ms.unwrap_or_else(|| push.written_ms()),
        });
        self.suspicion
            .handle_answer(now.instant, &push.request.device_token, response);
        let judgement = self.guard.handle_answer(
            now.instant,
            self.random.u64(..),
            &push.request.device_token,
            response,
            dead,
        );
        self.raise_alarm_for(now, response);
        self.carry_out(judgement);
    }

    fn carry_out(&mut self, judgement: Judgement<TokenInvalid>) {
        let Judgement {
            dead,
            paused,
            resumed,
        } = judgement;
        if let Some(cause) = paused {
            self.stats.pauses.add(1);
            if cause == PauseCause::DeviceTokens {
                self.raise_alarm(Alarm::Configuration, TOKEN_AFTER_TOKEN);
            }
            self.tell_receiver(Event::Paused);
        }
        if let Some(after) = resumed {
            self.resumed(after);
        }
        for dead in dead {
            self.tell_dead(dead);
        }
    }

    /// A push goes again. What its answer says of the app is heard all the same, where it asks for a pause.
    pub(super) fn judge_temporary(
        &mut self,
        now: Now,
        push: &QueuedPush<S::Recipient>,
        fate: &Fate,
    ) {
        if let Fate::Answered(response) = fate
            && response.retry_advice() == RetryAdvice::AfterPause
        {
            self.judge(now, push, response);
        }
    }

    /// Tokens that were doubted for a while, and are not any more.
    pub(super) fn believe(&mut self, now: Now) {
        let random = self.random.u64(..);
        let judgement = self.guard.handle_timeout(now.instant, random);
        self.carry_out(judgement);
    }

    /// How many pushes may be sent in this turn.
    pub(super) fn allowance(&self, now: Now) -> usize {
        match self.guard.gate(now.instant) {
            Gate::Open => usize::MAX,
            Gate::Probe => 1,
            Gate::Closed => 0,
        }
    }

    fn resumed(&mut self, after: Duration) {
        self.clear_alarms();
        self.tell_receiver(Event::Resumed { after });
    }

    /// Unless the device was registered after that moment.
    fn tell_dead(&mut self, dead: TokenInvalid) {
        let registered_at = dead
            .owner
            .as_ref()
            .and_then(|owner| self.registry.registered_at_ms(owner, &dead.device_token));
        if registered_at.is_none_or(|registered_at| registered_at <= dead.timestamp_ms) {
            self.stats.token_invalid.add(1);
            self.tell_receiver(Event::TokenInvalid(dead));
        }
    }

    fn raise_alarm_for(&mut self, now: Now, response: &Response) {
        let reason = reason_of(response);
        match response.fault() {
            Some(Fault::Configuration) => self.raise_alarm(
                Alarm::Configuration,
                format!(
                    "Apple refuses pushes of this app: {reason}; {}",
                    what_to_check(reason)
                ),
            ),
            Some(Fault::Authentication)
                if response.reason != Some(Reason::EXPIRED_PROVIDER_TOKEN) =>
            {
                self.raise_alarm(
                    Alarm::Configuration,
                    format!(
                        "Apple refuses the provider token: {reason}; {}",
                        what_to_check(reason)
                    ),
                );
            }
            Some(Fault::Authentication) => self.raise_alarm(
                Alarm::ClockSkew,
                format!(
                    "Apple refuses the provider token: {reason}; {}check this machine's clock (NTP), then key_id and \
                     team_id",
                    clocks(now, response)
                ),
            ),
            _ => {}
        }
    }
}

/// What the pause for refused device tokens says.
const TOKEN_AFTER_TOKEN: &str = "Apple refuses one device token after another: check topic and environment; no device is \
                                 forgotten for it";

fn reason_of(response: &Response) -> &str {
    let reason = response.reason.as_ref();
    reason.map_or("no reason given", |reason| reason.as_str())
}

/// Both clocks, where the server tells its own.
fn clocks(now: Now, response: &Response) -> String {
    response.date_s.map_or_else(String::new, |theirs| {
        let here = utc(now.unix_s());
        format!("it is {here} here and {} there; ", utc(theirs))
    })
}

/// What an operator should look at when Apple gives this reason.
fn what_to_check(reason: &str) -> &'static str {
    match reason {
        "InvalidProviderToken" => {
            "key_file, key_id and team_id do not belong together, or the key was revoked at developer.apple.com"
        }
        "TooManyProviderTokenUpdates" => {
            "does another program make tokens with a key of this team? The token is kept, and the app waits"
        }
        "UnrelatedKeyIdInToken" => {
            "key_file and key_id must be a key of this app's team and topic, in this environment"
        }
        "MissingProviderToken" => "the server wants a signing key instead of certificate_file",
        "TopicDisallowed" | "BadTopic" | "MissingTopic" => {
            "topic must be the bundle id of an app that belongs to the key's or certificate's team"
        }
        "BadEnvironmentKeyInToken" | "BadEnvironmentKeyIdInToken" | "BadCertificateEnvironment" => {
            "the key or certificate is for Apple's other environment: check environment"
        }
        "BadCertificate" => {
            "check certificate_file: is it an Apple Push Services certificate of this app?"
        }
        _ => "check topic, environment and credentials",
    }
}
