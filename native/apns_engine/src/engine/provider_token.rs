//! The provider token that pushes carry.

use apns_proto::now::Now;
use apns_proto::provider_token::ProviderToken;

use super::Engine;
use crate::credentials::Credentials;
use crate::event::EventSink;

impl<S: EventSink> Engine<S> {
    /// Keeps the provider token that every connection sends on Apple's good side: see [`ProviderToken`].
    pub(super) fn refresh_provider_token(&mut self, now: Now) {
        let Credentials::Token {
            key,
            key_id,
            team_id,
        } = &self.config.credentials
        else {
            return;
        };
        let current = self
            .provider_token
            .as_ref()
            .is_some_and(|token| token.is_current(now.unix_s()));
        if !current {
            self.provider_token = Some(ProviderToken::issue(key, key_id, team_id, now.unix_s()));
            self.links.forget_token();
        }
        if let Some(token) = &self.provider_token {
            self.links.give_token(token);
        }
    }
}
