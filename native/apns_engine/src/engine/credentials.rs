//! Who we are to Apple, while the engine runs: the provider token's age, new credentials, a certificate's end.

use apns_proto::now::Now;
use apns_proto::provider_token::ProviderToken;
use apns_proto::response::Fault;
use apns_proto::session::Fate;

use super::Engine;
use crate::credentials::{Credentials, Expiry};
use crate::event::{Alarm, Event, EventSink};
use crate::watcher::News;

impl<S: EventSink> Engine<S> {
    /// Takes what was found in the credentials' files, and looks how long they are good.
    pub(super) fn take_news(&mut self, now: Now, news: Vec<News>) {
        for news in news {
            match news {
                News::Changed {
                    credentials,
                    warning,
                } => {
                    self.use_credentials(now, credentials);
                    if let Some(warning) = warning {
                        self.raise_alarm(Alarm::StartWarning, warning);
                    }
                }
                // Who looks at the files says it once, and knows when it is over; `raise_alarm` would not.
                News::Unusable(detail) => self.tell_receiver(Event::Alarm {
                    alarm: Alarm::Configuration,
                    detail,
                }),
            }
        }
        self.watch_expiry(now);
    }

    /// Goes on with other credentials. Apple binds a connection to its first key, and TLS to its certificate: so all
    /// connections are made anew. What is in flight on the old ones is answered there.
    fn use_credentials(&mut self, now: Now, credentials: std::sync::Arc<Credentials>) {
        let described = credentials.describe();
        self.config.credentials = credentials;
        self.provider_token = None;
        self.links.tls_config = None;
        self.expiry = Expiry::default();
        self.stats.credentials_reloads.add(1);
        self.guard.configuration_changed(now.instant);
        // What was said of the old ones may have to be said of the new ones.
        self.alarms
            .retain(|(alarm, _)| !matches!(alarm, Alarm::Configuration | Alarm::ClockSkew));
        self.tell_receiver(Event::CredentialsReloaded {
            detail: described.clone(),
        });
        self.replace_all(&format!("from now on {described} is used"));
    }

    /// Keeps the provider token that every connection sends on Apple's good side: see [`ProviderToken`].
    pub(super) fn refresh_provider_token(&mut self, now: Now) {
        let Credentials::Token {
            key,
            key_id,
            team_id,
        } = &*self.config.credentials
        else {
            return;
        };
        let current = self
            .provider_token
            .as_ref()
            .is_some_and(|token| token.is_current(now.unix_s()));
        if !current {
            let token = ProviderToken::issue(key, key_id, team_id, now.unix_s());
            self.stats.provider_token_iat.set(token.issued_at());
            self.provider_token = Some(token);
            self.links.forget_token();
        }
        if let Some(token) = &self.provider_token {
            self.links.give_token(token);
        }
    }

    /// Shows and says how long the credentials are good. Days pass, and no timer of its own is needed: a PING turns the
    /// loop often enough.
    fn watch_expiry(&mut self, now: Now) {
        let Some(not_after) = self.config.credentials.not_after() else {
            return;
        };
        self.stats.show_end(not_after, now.unix_s());
        if let Some(sentence) = self.expiry.warning(not_after, now.unix_s()) {
            self.raise_alarm(Alarm::CertificateExpires, sentence);
        }
    }
}

/// What Apple says against credentials that are not ours any more concerns nobody: the push was not taken, and goes again.
pub(super) fn as_of_now<P>(outdated: bool, (push, fate): (P, Fate)) -> (P, Fate) {
    match &fate {
        Fate::Answered(response)
            if outdated
                && matches!(
                    response.fault(),
                    Some(Fault::Configuration | Fault::Authentication)
                ) =>
        {
            (push, Fate::NotProcessed)
        }
        _ => (push, fate),
    }
}
