//! Who is asking: the client certificate, else the provider token, with what a connection remembers of them.

use super::{Case, Refusal, demand};
use crate::options::Environment;
use crate::provider_token::{Claims, ProviderToken, bearer, check_age};
use crate::reason::Reason;

/// What a connection's requests leave for its later ones.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// The last token that was verified. A signature costs a tenth of a millisecond; a provider sends the same one
    /// with every request.
    verified: Option<(String, Claims)>,
    /// When that token was first shown: Unix seconds.
    shown_at: i64,
    /// Whether it took the place of another.
    updated: bool,
    /// Why the connection takes no more requests.
    wedged: Option<Wedged>,
}

/// How often a connection may show a new provider token; a script can change it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenUpdates {
    /// A second time only 20 minutes after the first, as providers have met it.
    #[default]
    Usual,
    /// Only 20 minutes after the connection's last one was first shown, as Apple's page has it.
    Strict,
    /// Whenever it likes.
    Free,
}

#[derive(Clone, Copy, Debug)]
struct Wedged {
    reason: Reason,
    /// Unix seconds.
    until: i64,
}

/// With a client certificate the authorization header is ignored.
pub(super) fn check(case: &mut Case<'_>) -> Result<(), Refusal> {
    match case.identity {
        Some(_) => certificate(case)?,
        None => provider_token(case)?,
    }
    case.authenticated = true;
    Ok(())
}

fn certificate(case: &Case<'_>) -> Result<(), Refusal> {
    let Some(identity) = case.identity else {
        return Ok(());
    };
    demand(!identity.topics.is_empty(), Reason::BAD_CERTIFICATE)?;
    // A development certificate is for the sandbox only; the other kind is good for both.
    let elsewhere = identity.environment == Environment::Development
        && case.rules.environment == Environment::Production;
    demand(!elsewhere, Reason::BAD_CERTIFICATE_ENVIRONMENT)
}

fn provider_token(case: &mut Case<'_>) -> Result<(), Refusal> {
    if let Some(wedged) = case.memory.wedged {
        demand(case.now >= wedged.until, wedged.reason)?;
        case.memory.wedged = None;
    }
    let header = case.request.headers.get(http::header::AUTHORIZATION);
    let header = header.ok_or(Reason::MISSING_PROVIDER_TOKEN)?;
    let authorization = header
        .to_str()
        .map_err(|_| Reason::INVALID_PROVIDER_TOKEN)?;
    let token = bearer(authorization).filter(|token| !token.is_empty());
    let token = token.ok_or(Reason::MISSING_PROVIDER_TOKEN)?;

    let known = case
        .memory
        .verified
        .as_ref()
        .filter(|(verified, _)| verified == token);
    let claims = match known {
        Some((_, claims)) => claims.clone(),
        None => {
            let read = ProviderToken::read(authorization).ok_or(Reason::INVALID_PROVIDER_TOKEN)?;
            read.verify(&case.rules.keys)?;
            read.claims
        }
    };
    if let Err(expired) = check_age(&claims, case.now) {
        // The connection is of no more use, even with a fresh token: seen by pushy.
        case.memory.wedged = Some(Wedged {
            reason: expired,
            until: i64::MAX,
        });
        return Err(expired.into());
    }
    case.memory
        .remember(token, claims, case.now, case.token_updates)
}

impl Memory {
    fn remember(
        &mut self,
        token: &str,
        claims: Claims,
        now: i64,
        updates: TokenUpdates,
    ) -> Result<(), Refusal> {
        if let Some((verified, before)) = &self.verified {
            if verified == token {
                return Ok(());
            }
            // The team is bound to the connection at the first push.
            demand(before.kid == claims.kid, Reason::UNRELATED_KEY_ID_IN_TOKEN)?;
            let counted = match updates {
                TokenUpdates::Usual => self.updated,
                TokenUpdates::Strict => true,
                TokenUpdates::Free => false,
            };
            if counted && now.saturating_sub(self.shown_at) < MIN_UPDATE_INTERVAL {
                let reason = Reason::TOO_MANY_PROVIDER_TOKEN_UPDATES;
                self.wedged = Some(Wedged {
                    reason,
                    until: self.shown_at.saturating_add(MIN_UPDATE_INTERVAL),
                });
                return Err(reason.into());
            }
            self.updated = true;
        }
        self.shown_at = now;
        self.verified = Some((token.to_owned(), claims));
        Ok(())
    }
}

/// Apple takes a new provider token once in 20 minutes: seconds.
const MIN_UPDATE_INTERVAL: i64 = 20 * 60;
