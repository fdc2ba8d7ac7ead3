//! The roots we trust: the system's and Mozilla's together, or one file's alone.
//!
//! Together, because each covers what the other misses: Apple has changed its root before old systems knew the new
//! one, and a library's built-in list grows old while the system's is kept. Apple's is not pinned, for the same reason.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use super::TlsError;
use crate::config::file;

/// Where roots come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RootSource {
    /// The system's store (or what `SSL_CERT_FILE` and `SSL_CERT_DIR` name in its place) and Mozilla's list.
    SystemAndMozilla,
    /// This PEM file alone.
    File(PathBuf),
}

/// The roots we trust, as last read.
#[derive(Debug)]
pub(crate) struct Roots {
    source: RootSource,
    store: Arc<RootCertStore>,
    warnings: Vec<String>,
}

impl Roots {
    /// Reads the roots: files, some milliseconds.
    ///
    /// # Errors
    /// A given file cannot be read or holds no certificate, or one that is none. The system's store may fail: then
    /// Mozilla's roots are used alone, and [`Self::warnings`] says so.
    pub(crate) fn load(source: RootSource) -> Result<Self, TlsError> {
        let (store, warnings) = match &source {
            RootSource::SystemAndMozilla => system_and_mozilla(),
            RootSource::File(path) => (from_file(path)?, Vec::new()),
        };
        Ok(Self {
            source,
            store: Arc::new(store),
            warnings,
        })
    }

    /// Reads them again: after "unknown issuer" the system's store may have been updated.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub(crate) fn reload(&self) -> Result<Self, TlsError> {
        Self::load(self.source.clone())
    }

    /// What could not be read although the rest is usable, in sentences for an operator.
    pub(crate) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    pub(super) fn store(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.store)
    }
}

fn system_and_mozilla() -> (RootCertStore, Vec<String>) {
    let system = rustls_native_certs::load_native_certs();
    let mut warnings: Vec<String> = system
        .errors
        .iter()
        .take(MAX_WARNINGS)
        .map(|error| format!("the system's certificate store: {error}"))
        .collect();
    let mut store = RootCertStore::empty();
    // Stores hold certificates of old standards here and there, which are of no use to us anyway.
    let (added, _) = store.add_parsable_certificates(system.certs);
    if added == 0 {
        warnings.push(
            "the system's certificate store is empty (is the package ca-certificates installed?): Mozilla's roots, \
             as old as this library, are used alone"
                .to_owned(),
        );
    }
    store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    (store, warnings)
}

fn from_file(path: &Path) -> Result<RootCertStore, TlsError> {
    let shown = path.display();
    let pem = file::read(path, MAX_FILE_LEN).map_err(TlsError)?;
    let certificates: Vec<CertificateDer<'static>> = rustls_pemfile::certs(&mut &*pem)
        .collect::<Result<_, _>>()
        .map_err(|_| {
            TlsError(format!(
                "{shown} is damaged: a PEM section is cut off or altered"
            ))
        })?;
    if certificates.is_empty() {
        let wanted = "wanted are root certificates in PEM, -----BEGIN CERTIFICATE-----";
        return Err(TlsError(match &*file::pem_labels(&pem) {
            "" => format!("{shown} is not PEM: {wanted}"),
            labels => format!("{shown} holds no certificate but {labels}: {wanted}"),
        }));
    }
    let mut store = RootCertStore::empty();
    for (place, certificate) in certificates.into_iter().enumerate() {
        store.add(certificate).map_err(|_| {
            TlsError(format!(
                "certificate {} of {shown} cannot be used as a root",
                place + 1
            ))
        })?;
    }
    Ok(store)
}

/// Mozilla's whole list in PEM has some 220 KB.
const MAX_FILE_LEN: u64 = 4 << 20;
/// A broken store may have an error for each of its files.
const MAX_WARNINGS: usize = 3;
