//! What a try's end means for the push and for the world: outcome, events, counters, another try.

use std::time::Duration;

use apns_proto::now::Now;
use apns_proto::response::{Fault, Response};
use apns_proto::session::{FailedCause, Fate, Next};

use super::{Engine, lane_of};
use crate::config::Outcomes;
use crate::event::{Accepted, Alarm, Event, EventSink, Failed, Rejected, TokenInvalid};
use crate::queue::QueuedPush;

impl<S: EventSink> Engine<S> {
    /// Settles every push whose try has ended.
    pub(super) fn settle(&mut self, now: Now) {
        let mut again = Vec::new();
        while let Some((mut push, fate)) = self.links.poll_outcome() {
            let random = self.random.u64(..);
            match (push.next(&fate, now, random), fate) {
                (Next::Accepted, Fate::Answered(response)) => self.end_accepted(push, response),
                (Next::Rejected, Fate::Answered(response)) => self.end_rejected(push, response),
                (Next::Failed(cause), fate) => self.end_failed(push, cause, answer_of(fate)),
                (Next::Resend { after }, _) => again.push((after, push)),
                // `next` says accepted and rejected of answers only; counted as lost if that ever changes.
                (_, _) => self.end_failed(push, FailedCause::Unknown, None),
            }
        }
        // Oldest in front, as they were: each goes to the front of its lane, the youngest first.
        for (after, push) in again.into_iter().rev() {
            self.stats.resent.add(1);
            if after == Duration::ZERO {
                self.lanes.push_front(lane_of(&push), push);
            } else {
                self.delayed.add(now.instant + after, push);
            }
        }
    }

    fn end_accepted(&mut self, push: QueuedPush<S::Recipient>, response: Response) {
        self.queue.release(&push);
        self.stats.accepted.add(1);
        self.refused_in_a_row = 0;
        let wanted = self.config.outcomes == Outcomes::All;
        if push.context.reply_to.is_none() && !wanted {
            return;
        }
        let push = *push;
        let event = Event::Accepted(Accepted {
            apns_id: push.request.apns_id,
            owner: push.context.owner,
            device_token: push.request.device_token,
            unique_id: response.unique_id,
        });
        self.tell(push.context.reply_to, wanted, event);
    }

    fn end_rejected(&mut self, push: QueuedPush<S::Recipient>, response: Response) {
        self.queue.release(&push);
        self.stats.rejected.add(1);
        self.judge_credentials(&response);
        self.judge_token(&push, &response);
        let push = *push;
        let event = Event::Rejected(Rejected {
            apns_id: push.request.apns_id,
            owner: push.context.owner,
            device_token: push.request.device_token,
            status: response.status,
            reason: response.reason,
            timestamp_ms: response.timestamp_ms,
        });
        self.tell(
            push.context.reply_to,
            self.config.outcomes != Outcomes::None,
            event,
        );
    }

    pub(super) fn end_failed(
        &mut self,
        push: QueuedPush<S::Recipient>,
        cause: FailedCause,
        last_answer: Option<Response>,
    ) {
        self.queue.release(&push);
        self.stats.add_failed(cause, 1);
        let push = *push;
        let event = Event::Failed(Failed {
            apns_id: push.request.apns_id,
            owner: push.context.owner,
            device_token: push.request.device_token,
            cause,
            last_answer: last_answer.map(|response| (response.status, response.reason)),
        });
        self.tell(
            push.context.reply_to,
            self.config.outcomes != Outcomes::None,
            event,
        );
    }

    /// To who asked for this push's outcome, else to the app's receiver if it wants such outcomes.
    fn tell(&mut self, reply_to: Option<S::Recipient>, wanted: bool, event: Event) {
        match reply_to {
            Some(recipient) => self.outbox.add(&recipient, event),
            None if wanted => self.tell_receiver(event),
            None => {}
        }
    }

    /// A dead token is told of unless the device was registered after that moment (Apple's for 410; BadDeviceToken
    /// carries none, so when the push was written).
    fn judge_token(&mut self, push: &QueuedPush<S::Recipient>, response: &Response) {
        if !response.invalidates_token() || self.doubts_refusals(response) {
            return;
        }
        let timestamp_ms = response.timestamp_ms.unwrap_or_else(|| push.written_ms());
        let token = &push.request.device_token;
        let owner = push.context.owner.as_ref();
        let registered_at = owner.and_then(|owner| self.registry.registered_at_ms(owner, token));
        if registered_at.is_some_and(|registered_at| registered_at > timestamp_ms) {
            return;
        }
        self.stats.token_invalid.add(1);
        self.tell_receiver(Event::TokenInvalid(TokenInvalid {
            owner: owner.cloned(),
            device_token: token.clone(),
            reason: response.reason.clone(),
            timestamp_ms,
        }));
    }

    /// A wrong topic or environment makes Apple refuse every token: refusals in a row, with no accepted push between
    /// them, are the app's fault and not the devices'. Only 410 is about the device for sure.
    fn doubts_refusals(&mut self, response: &Response) -> bool {
        if response.status == 410 {
            return false;
        }
        self.refused_in_a_row = self.refused_in_a_row.saturating_add(1);
        if self.refused_in_a_row <= BELIEVED_REFUSALS {
            return false;
        }
        let reason = response
            .reason
            .as_ref()
            .map_or("no reason given", |reason| reason.as_str());
        self.raise_alarm(
            Alarm::Configuration,
            format!(
                "Apple refuses one device token after another ({reason}): check topic and environment; no device is \
                 forgotten for it"
            ),
        );
        true
    }

    fn judge_credentials(&mut self, response: &Response) {
        let reason = response
            .reason
            .as_ref()
            .map_or("no reason given", |reason| reason.as_str());
        match response.fault() {
            Some(Fault::Configuration) => self.raise_alarm(
                Alarm::Configuration,
                format!("Apple refuses pushes of this app: {reason}; {}", what_to_check(reason)),
            ),
            Some(Fault::Authentication) => self.raise_alarm(
                Alarm::ClockSkew,
                format!("Apple refuses the provider token: {reason}; check this machine's clock (NTP), then key_id and team_id"),
            ),
            _ => {}
        }
    }
}

/// What an operator should look at when Apple gives this reason.
fn what_to_check(reason: &str) -> &'static str {
    match reason {
        "InvalidProviderToken" => {
            "key_file, key_id and team_id do not belong together, or the key was revoked at developer.apple.com"
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

/// Refused tokens in a row that are believed to be dead.
const BELIEVED_REFUSALS: u32 = 3;

fn answer_of(fate: Fate) -> Option<Response> {
    match fate {
        Fate::Answered(response) => Some(response),
        Fate::NotProcessed | Fate::Unknown => None,
    }
}
