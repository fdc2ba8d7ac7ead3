//! TLS: whom we trust, how we show who we are, and what its errors mean to an operator.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;

use crate::credentials::Credentials;
use crate::event::Alarm;

/// Where the roots come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RootSource {
    /// The system's store and Mozilla's roots together.
    SystemAndMozilla,
    /// This file alone.
    File(PathBuf),
}

/// The roots we trust.
#[derive(Debug)]
pub(crate) struct Roots {}

impl Roots {
    /// Reads the roots (files: some 10 ms).
    pub(crate) fn load(_source: RootSource) -> Result<Self, TlsError> {
        todo!()
    }

    /// Reads them again from the same source: the system's store may have been updated.
    pub(crate) fn reload(&self) -> Result<Self, TlsError> {
        todo!()
    }

    /// What could not be read though the rest is usable, in words for an operator.
    pub(crate) fn warnings(&self) -> &[String] {
        todo!()
    }
}

/// TLS cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct TlsError(String);

/// One app's TLS: 1.2 and 1.3, ALPN `h2`, server checked always, resumption within this config only.
pub(crate) fn client_config(
    _roots: &Roots,
    _credentials: &Credentials,
) -> Result<Arc<ClientConfig>, TlsError> {
    todo!()
}

/// What a TLS error means: the alarm it deserves, if any, and a sentence for an operator.
pub(crate) fn describe(_error: &rustls::Error) -> (Option<Alarm>, String) {
    todo!()
}

/// Refuses a server that did not choose `h2`; to be called when the handshake is over.
pub(crate) fn check_alpn(_chosen: Option<&[u8]>) -> Result<(), String> {
    todo!()
}
