//! Reads and verifies the provider token, the ES256 JWT in a request's `authorization` header.
//!
//! Source: Apple, "Establishing a token-based connection to APNs"; RFC 7515 (JWS), RFC 7518 §3.4 (ES256). The
//! signature is checked with ring, other code than the engine signs with.

use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use crate::base64url;
use crate::reason::Reason;

/// A key whose tokens the simulator takes, as a developer account has them.
#[derive(Clone, Debug)]
pub(crate) struct TrustedKey {
    pub(crate) key_id: String,
    pub(crate) team_id: String,
    /// The uncompressed P-256 point, 65 bytes.
    pub(crate) public_point: Vec<u8>,
}

/// What a provider token says of itself. The journal shows this and never the token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Claims {
    /// `kid`, the key's id.
    pub kid: Option<String>,
    /// `iss`, the team's id.
    pub iss: Option<String>,
    /// `iat`, when the token was made: Unix seconds.
    pub iat: Option<i64>,
}

/// A token taken apart, not yet verified.
pub(crate) struct ProviderToken<'a> {
    algorithm: String,
    pub(crate) claims: Claims,
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> ProviderToken<'a> {
    /// Takes the header's value apart; `None` when it is no bearer JWT in strict form.
    pub(crate) fn read(authorization: &'a str) -> Option<Self> {
        let token = bearer(authorization)?;
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let header: Header = serde_json::from_slice(&base64url::decode(header)?).ok()?;
        let body: Body = serde_json::from_slice(&base64url::decode(claims)?).ok()?;
        Some(Self {
            algorithm: header.alg,
            claims: Claims {
                kid: header.kid,
                iss: body.iss,
                iat: body.iat,
            },
            signed,
            signature: base64url::decode(signature)?,
        })
    }

    /// Checks who signed it: algorithm, key, team, signature. The age is [`check_age`]'s.
    pub(crate) fn verify(&self, keys: &[TrustedKey]) -> Result<(), Reason> {
        let key = keys
            .iter()
            .find(|key| self.claims.kid.as_ref() == Some(&key.key_id));
        let key = key.ok_or(Reason::INVALID_PROVIDER_TOKEN)?;
        let named = self.algorithm == ALGORITHM
            && self.claims.iss.as_ref() == Some(&key.team_id)
            && self.claims.iat.is_some();
        // A signature in DER, which most libraries make by default, is longer and fails here.
        let genuine = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &key.public_point)
            .verify(self.signed.as_bytes(), &self.signature)
            .is_ok();
        if named && genuine {
            Ok(())
        } else {
            Err(Reason::INVALID_PROVIDER_TOKEN)
        }
    }
}

/// The token behind `bearer`, which RFC 9110 §11.1 lets stand in either case.
pub(crate) fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// Checks `iat` against Apple's clock, both in Unix seconds.
pub(crate) fn check_age(claims: &Claims, now: i64) -> Result<(), Reason> {
    let made = claims.iat.unwrap_or(i64::MIN);
    if made > now.saturating_add(ROUNDING) || now.saturating_sub(made) > MAX_AGE {
        return Err(Reason::EXPIRED_PROVIDER_TOKEN);
    }
    Ok(())
}

/// Apple takes a token for one hour.
pub(crate) const MAX_AGE: i64 = 3600;
/// Two clocks that agree may still round to different seconds.
const ROUNDING: i64 = 1;
const ALGORITHM: &str = "ES256";

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    iss: Option<String>,
    iat: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_of_one_hour_is_the_last_that_is_taken_and_the_future_is_not() {
        let claims = Claims {
            iat: Some(10_000),
            ..Claims::default()
        };
        assert_eq!(check_age(&claims, 10_000 + 3600), Ok(()));
        assert_eq!(
            check_age(&claims, 10_000 + 3601),
            Err(Reason::EXPIRED_PROVIDER_TOKEN)
        );
        assert_eq!(check_age(&claims, 9_999), Ok(()));
        assert_eq!(
            check_age(&claims, 9_998),
            Err(Reason::EXPIRED_PROVIDER_TOKEN)
        );
    }

    #[test]
    fn the_scheme_is_read_in_either_case() {
        assert_eq!(bearer("bearer a.b.c"), Some("a.b.c"));
        assert_eq!(bearer("Bearer a.b.c"), Some("a.b.c"));
        assert_eq!(bearer("basic a.b.c"), None);
        assert_eq!(bearer("a.b.c"), None);
    }
}
