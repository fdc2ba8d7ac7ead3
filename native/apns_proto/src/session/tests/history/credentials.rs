//! How a session of a history authenticates, and what it may therefore send.

use std::sync::OnceLock;

use proptest::prelude::*;

use super::super::{Authentication, AuthorizationCoding, provider_token_of};
use crate::provider_token::ProviderToken;
use crate::response::{Response, RetryAdvice};
use crate::session::Blocked;

/// What the session was given, and what the answers said of it.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) authentication: Authentication,
    pub(crate) coding: AuthorizationCoding,
    /// Provider tokens that the session got; the last one counts.
    given: usize,
    /// An answer showed that Apple knows them.
    are_known: bool,
    /// An answer said that this connection is of no more use.
    are_refused: bool,
}

/// A certificate, or a provider token that is there at once or only later.
pub(crate) fn credentials() -> impl Strategy<Value = Credentials> {
    prop_oneof![
        2 => Just(Credentials::certificate()),
        3 => Just(Credentials::provider_token()),
        2 => Just(Credentials { coding: AuthorizationCoding::Indexed, ..Credentials::provider_token() }),
        1 => Just(Credentials { given: 0, ..Credentials::provider_token() }),
    ]
}

impl Credentials {
    pub(crate) fn certificate() -> Self {
        Self {
            authentication: Authentication::Certificate,
            coding: AuthorizationCoding::Literal,
            given: 0,
            are_known: false,
            are_refused: false,
        }
    }

    pub(crate) fn provider_token() -> Self {
        Self {
            authentication: Authentication::ProviderToken,
            given: 1,
            ..Self::certificate()
        }
    }

    /// The provider token that counts.
    pub(super) fn token(&self) -> Option<&'static ProviderToken> {
        let last = self.given.checked_sub(1)?;
        Some(&tokens()[last % tokens().len()])
    }

    /// The next provider token, where there is any use for it.
    pub(super) fn renew(&mut self) -> Option<&'static ProviderToken> {
        if self.authentication == Authentication::ProviderToken {
            self.given += 1;
        }
        self.token()
    }

    pub(super) fn learn(&mut self, response: &Response) {
        self.are_known |= response.shows_authentication();
        self.are_refused |= matches!(
            response.retry_advice(),
            RetryAdvice::OnNewConnection | RetryAdvice::AfterPause
        );
    }

    /// Whether the session may have said this to a push, so many others being in flight.
    pub(super) fn judge(
        &self,
        said: Result<(), Blocked>,
        in_flight: usize,
    ) -> Result<(), TestCaseError> {
        let by_token = self.authentication == Authentication::ProviderToken;
        let has_token = self.given > 0;
        match said {
            Ok(()) => {
                prop_assert!(!self.are_refused, "sent after its credentials were refused");
                prop_assert!(has_token || !by_token, "sent without a provider token");
                let waits = by_token && !self.are_known && in_flight > 0;
                prop_assert!(!waits, "sent beside the first one, which has no answer");
            }
            Err(Blocked::NoProviderToken) => prop_assert!(by_token && !has_token),
            Err(Blocked::Unproven) => {
                prop_assert!(by_token && !self.are_known && in_flight > 0);
            }
            Err(_) => {}
        }
        Ok(())
    }
}

/// Signed once: a history has no time for it.
fn tokens() -> &'static [ProviderToken; 3] {
    static TOKENS: OnceLock<[ProviderToken; 3]> = OnceLock::new();
    TOKENS.get_or_init(|| {
        [0, 1, 2].map(|n| provider_token_of(1_800_000_000 + n * ProviderToken::GRID))
    })
}
