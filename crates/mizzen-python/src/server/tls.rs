//! TLS of the front: one configuration at a time, exchanged while connections go on.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// What Python hands over, in PEM: certificate chain, key, and the authorities of clients.
pub(super) type Pems = (Vec<u8>, Vec<u8>, Option<Vec<u8>>);

/// The configuration for the connections that begin now; without one they are plain.
#[derive(Debug, Default)]
pub(super) struct Current(Mutex<Option<Arc<ServerConfig>>>);

impl Current {
    pub(super) fn get(&self) -> Option<Arc<ServerConfig>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, config: ServerConfig) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(config));
    }
}

/// Reads the texts in PEM; ValueError says which one is not accepted.
pub(super) fn config((certificate, key, client_ca): &Pems) -> PyResult<ServerConfig> {
    let chain = certificates("certificate", certificate)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| refused("key", error))?;
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| refused("certificate", error))?;
    let builder = match client_ca {
        None => builder.with_no_client_auth(),
        Some(text) => {
            let mut roots = RootCertStore::empty();
            for root in certificates("client_ca", text)? {
                roots.add(root).map_err(|error| refused("client_ca", error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| refused("client_ca", error))?)
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|error| refused("certificate and key", error))?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

fn certificates(what: &str, text: &[u8]) -> PyResult<Vec<CertificateDer<'static>>> {
    let found: Vec<_> =
        CertificateDer::pem_slice_iter(text).collect::<Result<_, _>>().map_err(|error| refused(what, error))?;
    if found.is_empty() {
        return Err(refused(what, "holds no certificate in PEM"));
    }
    Ok(found)
}

fn refused(what: &str, error: impl Display) -> PyErr {
    PyValueError::new_err(format!("TLS {what} is not accepted: {error}"))
}
