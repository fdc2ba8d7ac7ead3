//! Who we are to Apple: a signing key for provider tokens, or a client certificate.
//!
//! Checked when an app starts, so that a wrong file is one clear line then and not Apple's 403 at night; and when the
//! files change while it runs, see `watcher`.

mod certificate;
mod expiry;
mod private_key;

use std::fmt;
use std::path::{Path, PathBuf};

use apns_proto::provider_token::{KeyId, SigningKey, TeamId};
use apns_proto::topic::Topic;

pub use self::certificate::ClientCertificate;
pub(crate) use self::expiry::Expiry;
use crate::config::{ConfigError, Options, Password, file};
use crate::utc::utc;

/// Who we are to Apple. `Debug` shows no key.
#[non_exhaustive]
pub enum Credentials {
    /// Provider tokens, signed with the key of a `.p8` file.
    Token {
        /// Signs the tokens.
        key: SigningKey,
        /// The key's id.
        key_id: KeyId,
        /// The team the key belongs to.
        team_id: TeamId,
    },
    /// A TLS client certificate.
    Certificate(ClientCertificate),
}

impl Credentials {
    /// Reads the files that `options` name and checks what is in them, at `now_unix` (Unix seconds).
    pub(crate) fn load(
        options: &Options,
        topic: &Topic,
        now_unix: u64,
    ) -> Result<Self, ConfigError> {
        let Some(certificate_file) = &options.certificate_file else {
            return token(options);
        };
        if options.key_id.is_some() || options.team_id.is_some() {
            let problem = "stands beside key_id or team_id, which belong to a signing key (.p8): give one of the two";
            return Err(ConfigError::new("certificate_file", problem));
        }
        let key_file = options.key_file.as_deref();
        let certificate = ClientCertificate::load(
            certificate_file,
            key_file,
            options.password.as_ref().map(Password::as_str),
        )?;
        certificate.check_time(certificate_file, now_unix)?;
        certificate.check_topic(certificate_file, topic)?;
        Ok(Self::Certificate(certificate))
    }

    /// The files that `options` name.
    pub(crate) fn files(options: &Options) -> impl Iterator<Item = &Path> {
        let files = options.certificate_file.iter().chain(&options.key_file);
        files.map(PathBuf::as_path)
    }

    /// Whether nothing changes for Apple when these take the place of `other`.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Token {
                    key,
                    key_id,
                    team_id,
                },
                Self::Token {
                    key: other_key,
                    key_id: other_key_id,
                    team_id: other_team_id,
                },
            ) => key == other_key && key_id == other_key_id && team_id == other_team_id,
            (Self::Certificate(certificate), Self::Certificate(other)) => {
                certificate.is_same(other)
            }
            _ => false,
        }
    }

    /// Unix seconds of the last moment at which they are good; `None`: Apple's signing keys have no end.
    #[must_use]
    pub fn not_after(&self) -> Option<u64> {
        match self {
            Self::Token { .. } => None,
            Self::Certificate(certificate) => Some(certificate.not_after()),
        }
    }

    /// Which they are, for an operator.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Token { key_id, .. } => format!("a signing key with the key id {key_id}"),
            Self::Certificate(certificate) => format!(
                "a client certificate that ends on {}",
                utc(certificate.not_after())
            ),
        }
    }
}

/// Says which certificate or key it is, by what is no secret.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token {
                key: _,
                key_id,
                team_id,
            } => f
                .debug_struct("Token")
                .field("key_id", key_id)
                .field("team_id", team_id)
                .finish_non_exhaustive(),
            Self::Certificate(certificate) => certificate.fmt(f),
        }
    }
}

fn token(options: &Options) -> Result<Credentials, ConfigError> {
    let Some(key_file) = &options.key_file else {
        let problem = "missing: give key_file, key_id and team_id of a signing key (.p8), or the certificate_file of a \
                       client certificate";
        return Err(ConfigError::new("key_file", problem));
    };
    if options.password.is_some() {
        let problem =
            "belongs to the key of a certificate_file; Apple's signing keys (.p8) have none";
        return Err(ConfigError::new("password", problem));
    }
    let pem = file::read_secret(key_file, MAX_KEY_LEN)
        .map_err(|problem| ConfigError::new("key_file", problem))?;
    let key_id = match (&options.key_id, key_id_in_name(key_file)) {
        (Some(given), _) => {
            KeyId::parse(given).map_err(|error| ConfigError::new("key_id", error.to_string()))?
        }
        (None, Some(key_id)) => key_id,
        (None, None) => {
            let problem = "missing: the 10 characters that Apple shows beside the key; they can be left out only if \
                           the file, or what it is a link to, is called AuthKey_<key id>.p8";
            return Err(ConfigError::new("key_id", problem));
        }
    };
    let Some(team_id) = &options.team_id else {
        let problem =
            "missing: the 10 characters on the membership page of your Apple developer account";
        return Err(ConfigError::new("team_id", problem));
    };
    let team_id =
        TeamId::parse(team_id).map_err(|error| ConfigError::new("team_id", error.to_string()))?;
    let key = SigningKey::from_p8_pem(&pem).map_err(|error| {
        ConfigError::new("key_file", format!("{}: {error}", key_file.display()))
    })?;
    Ok(Credentials::Token {
        key,
        key_id,
        team_id,
    })
}

/// What to say of a key id that is another than the one in the key file's name. No error: a file may be renamed.
pub(crate) fn key_id_warning(options: &Options) -> Option<String> {
    let given = options.key_id.as_deref()?;
    let in_name = key_id_in_name(options.key_file.as_deref()?)?;
    (given != in_name.as_str()).then(|| {
        format!(
            "key_id is {given}, but the name of key_file says {in_name}: one of the two may be of another key, and then \
             Apple refuses every push"
        )
    })
}

/// The key id in the name under which Apple gives a key out, `AuthKey_<key id>.p8`: the file's, or that of the file to
/// which it is a link. A new key has a new id; behind a link it can take an old one's place without other options.
fn key_id_in_name(key_file: &Path) -> Option<KeyId> {
    let in_name = |path: &Path| {
        let name = path.file_name()?.to_str()?;
        KeyId::parse(name.strip_prefix("AuthKey_")?.strip_suffix(".p8")?).ok()
    };
    in_name(key_file).or_else(|| in_name(&key_file.canonicalize().ok()?))
}

/// A `.p8` has some 260 bytes, an RSA key of 8192 bits 6,500.
const MAX_KEY_LEN: u64 = 64 << 10;

#[cfg(test)]
mod tests;
