//! What the server's frames mean for pushes and for the connection.

use super::{Fate, InFlight, Notice, Phase, Session};
use crate::http2::{ErrorCode, Event, Processed};
use crate::response::{Response, RetryAdvice, reason_of_debug_data};

impl<C> Session<C> {
    pub(super) fn take_events(&mut self) {
        while let Some(event) = self.http2.poll_event() {
            match event {
                Event::Settings if self.phase == Phase::Starting => {
                    self.phase = Phase::Open;
                    self.notices.push_back(Notice::Ready);
                }
                // Changed limits: `can_send` asks for them.
                Event::Settings => {}
                Event::Response { state, .. } => self.take_response(state),
                Event::Reset {
                    state, processed, ..
                } => self.end_unanswered(state, processed),
                Event::NotProcessed { state, .. } => self.end_unanswered(state, Processed::No),
                Event::GoAway {
                    code, debug_data, ..
                } => self.take_go_away(code, &debug_data),
                Event::Pong { round_trip } => {
                    self.round_trip = Some(round_trip);
                    self.liveness.answered();
                }
                Event::ConnectionError(error) => self.retire(error.to_string()),
            }
        }
    }

    /// A stream ended without the end of a response. Where the status had come, Apple's yes or no was read.
    pub(super) fn end_unanswered(&mut self, state: InFlight<C>, processed: Processed) {
        let fate = match processed {
            Processed::No => Fate::NotProcessed,
            Processed::Unknown => Fate::Unknown,
            Processed::Yes => {
                let response = state.response.finish();
                self.learn_from(&response);
                if decides_without_its_end(&response) {
                    Fate::Answered(response)
                } else {
                    // A no for sure. Asked again, Apple says why.
                    Fate::NotProcessed
                }
            }
        };
        self.outcomes.push_back((state.push, fate));
    }

    fn take_response(&mut self, state: InFlight<C>) {
        let response = state.response.finish();
        self.learn_from(&response);
        self.outcomes
            .push_back((state.push, Fate::Answered(response)));
    }

    /// What an answer to one push says of the connection.
    fn learn_from(&mut self, response: &Response) {
        self.stalls.answered();
        if !self.proven && response.shows_authentication() {
            self.proven = true;
            self.notices.push_back(Notice::Authenticated);
        }
        if matches!(
            response.retry_advice(),
            RetryAdvice::OnNewConnection | RetryAdvice::AfterPause
        ) {
            let reason = response
                .reason
                .as_ref()
                .map_or("a new connection is needed", |r| r.as_str());
            self.retire(reason.to_owned());
        }
    }

    fn take_go_away(&mut self, code: ErrorCode, debug_data: &[u8]) {
        let reason = reason_of_debug_data(debug_data)
            .map_or_else(|| code.to_string(), |reason| reason.as_str().to_owned());
        if matches!(self.phase, Phase::Starting | Phase::Open) {
            self.phase = Phase::Retired;
        }
        let calm = code == ErrorCode::ENHANCE_YOUR_CALM;
        self.notices.push_back(Notice::GoingAway { reason, calm });
    }
}

/// Whether the beginning of an answer says what to do with the push. Most statuses decide alone: 2xx is a yes, and with any
/// other all of Apple's reasons end the push, or all of them send it again. But 400 and 403 may end it, condemn its
/// token, or ask for another connection, and 429 hold back a device or the app, by a reason that stands in the body.
fn decides_without_its_end(response: &Response) -> bool {
    response.reason.is_some() || !matches!(response.status, 400 | 403 | 429)
}
