//! What a try's end means for the push and for the world: outcome, events, counters, another try.

use std::time::Duration;

use apns_proto::now::Now;
use apns_proto::response::Response;
use apns_proto::session::{FailedCause, Fate, Next};

use super::Engine;
use crate::config::Outcomes;
use crate::event::{Accepted, Event, EventSink, Failed, Rejected};
use crate::queue::QueuedPush;

impl<S: EventSink> Engine<S> {
    /// Settles every push whose try has ended.
    pub(super) fn settle(&mut self, now: Now) {
        let mut again = Vec::new();
        while let Some((mut push, fate)) = self.links.poll_outcome() {
            if matches!(fate, Fate::Answered(_)) {
                let ms = now.unix_ms.saturating_sub(push.written_ms());
                self.tally.answered(Duration::from_millis(ms));
            }
            let random = self.random.u64(..);
            match (push.next(&fate, now, random), fate) {
                (Next::Accepted, Fate::Answered(response)) => {
                    self.end_accepted(now, push, response)
                }
                (Next::Rejected, Fate::Answered(response)) => {
                    self.end_rejected(now, push, response)
                }
                (Next::Failed(cause), fate) => self.end_failed(push, cause, answer_of(fate)),
                (next @ (Next::Resend { .. } | Next::ResendToDevice { .. }), fate) => {
                    self.stats.resent(&fate).add(1);
                    self.judge_temporary(now, &push, &fate);
                    again.push((push, next));
                }
                // `next` says accepted and rejected of answers only; counted as lost if that ever changes.
                (_, _) => self.end_failed(push, FailedCause::Unknown, None),
            }
        }
        // Oldest in front, as they were: each goes to the front of its lane, the youngest first.
        for (push, next) in again.into_iter().rev() {
            self.wait_again(now, push, next);
        }
        self.end_those();
    }

    fn end_accepted(&mut self, now: Now, push: QueuedPush<S::Recipient>, response: Response) {
        self.ended(&push);
        self.tally.accepted();
        self.judge(now, &push, &response);
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

    fn end_rejected(&mut self, now: Now, push: QueuedPush<S::Recipient>, response: Response) {
        self.ended(&push);
        self.stats.rejected.add(1);
        self.stats.rejections.add(&response);
        self.judge(now, &push, &response);
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
        self.ended(&push);
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

    /// Makes room for another push, and notes how long this one was inside.
    fn ended(&mut self, push: &QueuedPush<S::Recipient>) {
        let timeout = self.config.limits.queue_timeout;
        let inside = match push.give_up_at.checked_duration_since(self.turn) {
            Some(left) => timeout.saturating_sub(left),
            None => timeout + self.turn.saturating_duration_since(push.give_up_at),
        };
        self.tally.ended(push, inside);
    }

    /// To who asked for this push's outcome, else to the app's receiver if it wants such outcomes.
    fn tell(&mut self, reply_to: Option<S::Recipient>, wanted: bool, event: Event) {
        match reply_to {
            Some(recipient) => self.outbox.add(&recipient, event),
            None if wanted => self.tell_receiver(event),
            None => {}
        }
    }
}

fn answer_of(fate: Fate) -> Option<Response> {
    match fate {
        Fate::Answered(response) => Some(response),
        Fate::NotProcessed | Fate::Unknown => None,
    }
}
