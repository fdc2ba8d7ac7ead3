//! What the server's frames mean for pushes and for the connection.

use super::{Fate, InFlight, Notice, Phase, Session};
use crate::http2::{ErrorCode, Event, Processed};
use crate::response::{RetryAdvice, Verdict, reason_of_debug_data};

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
                } => {
                    let fate = match processed {
                        Processed::No => Fate::NotProcessed,
                        Processed::Unknown => Fate::Unknown,
                    };
                    self.outcomes.push_back((state.push, fate));
                }
                Event::NotProcessed { state, .. } => {
                    self.outcomes.push_back((state.push, Fate::NotProcessed));
                }
                Event::GoAway {
                    code, debug_data, ..
                } => self.take_go_away(code, &debug_data),
                Event::Pong { .. } => self.liveness.answered(),
                Event::ConnectionError(error) => self.retire(error.to_string()),
            }
        }
    }

    fn take_response(&mut self, state: InFlight<C>) {
        self.answered = true;
        let response = state.response.finish();
        if !self.proven && response.shows_authentication() {
            self.proven = true;
            self.notices.push_back(Notice::Authenticated);
        }
        if response.verdict() == Verdict::TryAgain
            && response.retry_advice() == RetryAdvice::OnNewConnection
        {
            let reason = response
                .reason
                .as_ref()
                .map_or("a new connection is needed", |r| r.as_str());
            self.retire(reason.to_owned());
        }
        self.outcomes
            .push_back((state.push, Fate::Answered(response)));
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
