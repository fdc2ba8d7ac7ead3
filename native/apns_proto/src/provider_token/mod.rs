//! The provider token: the JSON Web Token by which an app's server proves itself to Apple.
//!
//! Apple allows a connection one new token in 20 minutes and takes none older than an hour. Our tokens are issued on a
//! fixed grid of 30 minutes and signed without randomness (RFC 6979), so that every restart and every node of a cluster
//! makes the very same token, and there is nothing to store, share or agree upon.
//!
//! ```no_run
//! # fn demo(now_unix: u64) -> Result<(), Box<dyn std::error::Error>> {
//! use apns_proto::provider_token::{KeyId, ProviderToken, SigningKey, TeamId};
//!
//! let key = SigningKey::from_p8_pem(&std::fs::read("/etc/ejabberd/AuthKey_ABC123DEFG.p8")?)?;
//! let (key_id, team_id) = (KeyId::parse("ABC123DEFG")?, TeamId::parse("DEF123GHIJ")?);
//! let token = ProviderToken::issue(&key, &key_id, &team_id, now_unix);
//! assert!(token.bearer().starts_with("bearer "));
//! assert!(token.is_current(now_unix) && now_unix < token.next_grid());
//! # Ok(())
//! # }
//! ```
//!
//! A token lasts no more than an hour, but within it is as good as the key: `Debug` hides it.

mod identifier;
mod signing_key;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use base64ct::{Base64UrlUnpadded, Encoding};

pub use self::identifier::{IdentifierError, KeyId, TeamId};
pub use self::signing_key::{SigningKey, SigningKeyError};

/// A signed provider token. Cheap to clone: all connections of one key share it.
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderToken(Arc<Issued>);

#[derive(PartialEq, Eq)]
struct Issued {
    bearer: String,
    issued_at: u64,
}

impl ProviderToken {
    /// Distance of the grid on which tokens are issued, in seconds: above Apple's 20 minutes, well below its hour.
    pub const GRID: u64 = 30 * 60;

    /// How long after its grid time a token comes into use, in seconds.
    ///
    /// Apple refuses a token from the future. Right at a grid time, a server whose clock is a little fast would send one;
    /// with this margin its clock may be a minute fast. No token is used when older than grid and margin together.
    pub const SKEW_MARGIN: u64 = 60;

    /// Issues the token that is to be used at `now_unix` (Unix seconds).
    #[must_use]
    pub fn issue(key: &SigningKey, key_id: &KeyId, team_id: &TeamId, now_unix: u64) -> Self {
        let issued_at = grid_time(now_unix);
        // Key id and team id are letters and digits: nothing in them needs escaping.
        let header = format!(r#"{{"alg":"ES256","kid":"{key_id}"}}"#);
        let claims = format!(r#"{{"iss":"{team_id}","iat":{issued_at}}}"#);
        let encode = |bytes: &[u8]| Base64UrlUnpadded::encode_string(bytes);
        let signed = format!(
            "{}.{}",
            encode(header.as_bytes()),
            encode(claims.as_bytes())
        );
        let signature = encode(&key.sign(signed.as_bytes()));
        Self(Arc::new(Issued {
            bearer: format!("bearer {signed}.{signature}"),
            issued_at,
        }))
    }

    /// The value of the `authorization` header.
    #[must_use]
    pub fn bearer(&self) -> &str {
        &self.0.bearer
    }

    /// The token's `iat`, Unix seconds.
    #[must_use]
    pub fn issued_at(&self) -> u64 {
        self.0.issued_at
    }

    /// Whether this is the token to use at `now_unix` (Unix seconds). False also when the clock was set back.
    #[must_use]
    pub fn is_current(&self, now_unix: u64) -> bool {
        self.issued_at() == grid_time(now_unix)
    }

    /// When the next token is to be issued, Unix seconds.
    #[must_use]
    pub fn next_grid(&self) -> u64 {
        self.issued_at()
            .saturating_add(Self::GRID + Self::SKEW_MARGIN)
    }
}

/// Hides the token.
impl fmt::Debug for ProviderToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderToken")
            .field("issued_at", &self.issued_at())
            .finish_non_exhaustive()
    }
}

/// The `iat` of the token in use at `now_unix`.
const fn grid_time(now_unix: u64) -> u64 {
    let settled = now_unix.saturating_sub(ProviderToken::SKEW_MARGIN);
    settled - settled % ProviderToken::GRID
}
