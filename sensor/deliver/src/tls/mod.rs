//! Mutual TLS to a receiver: TLS 1.3 only, credentials from files, loaded as a set, replaced without a restart.
//!
//! A set is what one TLS configuration needs: authorities, our chain and key, revocation lists. A set with anything wrong is
//! refused whole and the former one stays.
mod explain;
mod files;
mod reload;

pub(crate) use self::{
    explain::{explain, no_grpc},
    reload::Credentials,
};
use crate::Error;
use rustls::{
    ClientConfig, RootCertStore,
    client::{Resumption, WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName, UnixTime},
    server::{ParsedCertificate, VerifierBuilderError},
    sign::{CertifiedKey, SingleCertAndKey},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use x509_cert::der::Decode as _;

/// Which files make the credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Certificates of authorities that issue receivers' certificates, PEM.
    pub ca: PathBuf,
    /// Our chain, PEM, leaf first; empty: none, the receiver then has to take anybody.
    pub certificate: PathBuf,
    /// Its key, PEM, not encrypted.
    pub key: PathBuf,
    /// Revocation lists, PEM or DER; with any, each receiver's certificate must be covered by one.
    pub crls: Vec<PathBuf>,
}

impl Files {
    fn all(&self) -> impl Iterator<Item = &Path> {
        let single = [&self.ca, &self.certificate, &self.key].into_iter();
        single.chain(&self.crls).filter(|path| !path.as_os_str().is_empty()).map(PathBuf::as_path)
    }
}

/// A set that fits together.
#[derive(Debug)]
pub(crate) struct Set {
    pub(crate) client: Arc<ClientConfig>,
    /// End of our certificate's validity, Unix seconds.
    pub(crate) not_after: Option<u64>,
}

const CA: &str = "authority file";
const CERTIFICATE: &str = "client certificate";
const KEY: &str = "client key";
const CRL: &str = "revocation list";

/// Reads and checks the whole set.
pub(crate) fn load(files: &Files) -> Result<Set, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let roots = Arc::new(roots(&files.ca)?);
    let verifier = verifier(&roots, &files.crls, &provider)?;
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(Error::Tls)?
        .dangerous() // only so called: the verifier is webpki's own, with revocation lists
        .with_custom_certificate_verifier(verifier);
    let (mut client, not_after) = match identity(files, &provider)? {
        Some((key, not_after)) => {
            (builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key))), Some(not_after))
        }
        None => (builder.with_no_client_auth(), None),
    };
    client.alpn_protocols = vec![b"h2".to_vec()];
    // A resumed session would skip the receiver's look at our certificate, and ours at its.
    client.resumption = Resumption::disabled();
    Ok(Set { client: Arc::new(client), not_after })
}

fn roots(path: &Path) -> Result<RootCertStore, Error> {
    if path.as_os_str().is_empty() {
        let problem = "is missing; give the PEM file of the authority that issued the receiver's certificate";
        return Err(Error::Setting { setting: "ca", problem });
    }
    let mut roots = RootCertStore::empty();
    for (number, certificate) in files::certificates(CA, path)?.into_iter().enumerate() {
        roots.add(certificate).map_err(|error| Error::Credential {
            role: CA,
            path: path.into(),
            problem: format!("certificate {} is unusable: {error}; export it again", number + 1),
        })?;
    }
    Ok(roots)
}

fn verifier(
    roots: &Arc<RootCertStore>,
    crls: &[PathBuf],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    let build = |crls: Vec<CertificateRevocationListDer<'static>>| {
        WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(provider))
            .with_crls(crls)
            .only_check_end_entity_revocation()
            .enforce_revocation_expiration()
            .build()
    };
    let mut lists = Vec::new();
    for path in crls {
        let found = files::revocation_lists(CRL, path)?;
        if let Err(VerifierBuilderError::InvalidCrl(error)) = build(found.clone()) {
            let problem = format!("is no revocation list ({error:?}); fetch it again from the authority");
            return Err(Error::Credential { role: CRL, path: path.clone(), problem });
        }
        lists.extend(found);
    }
    match build(lists) {
        Ok(verifier) => Ok(verifier),
        Err(error) => Err(Error::Tls(rustls::Error::General(error.to_string()))),
    }
}

fn identity(files: &Files, provider: &CryptoProvider) -> Result<Option<(CertifiedKey, u64)>, Error> {
    match (files.certificate.as_os_str().is_empty(), files.key.as_os_str().is_empty()) {
        (true, true) => return Ok(None),
        (false, false) => {}
        (true, false) => {
            let problem = "is missing while `key` is given; give both, or neither";
            return Err(Error::Setting { setting: "certificate", problem });
        }
        (false, true) => {
            let problem = "is missing while `certificate` is given; give both, or neither";
            return Err(Error::Setting { setting: "key", problem });
        }
    }
    let chain = files::certificates(CERTIFICATE, &files.certificate)?;
    let not_after = checked(&chain, &files.certificate)?;
    let key = files::private_key(KEY, &files.key)?;
    Ok(Some((paired(chain, key, files, provider)?, not_after)))
}

/// Each certificate of the chain parses; gives the end of the leaf's validity.
fn checked(chain: &[CertificateDer<'static>], path: &Path) -> Result<u64, Error> {
    let wrong = |problem| Error::Credential { role: CERTIFICATE, path: path.into(), problem };
    for (number, certificate) in chain.iter().enumerate() {
        ParsedCertificate::try_from(certificate).map_err(|error| {
            wrong(format!("certificate {} is unusable: {error}; issue it again", number + 1))
        })?;
    }
    let Some(leaf) = chain.first() else { return Err(wrong("holds no certificate".into())) };
    let leaf = x509_cert::Certificate::from_der(leaf)
        .map_err(|error| wrong(format!("certificate 1 is unusable: {error}; issue it again")))?;
    Ok(leaf.tbs_certificate.validity.not_after.to_unix_duration().as_secs())
}

fn paired(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    files: &Files,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, Error> {
    CertifiedKey::from_der(chain, key, provider).map_err(|error| {
        let problem = match error {
            rustls::Error::InconsistentKeys(_) => format!(
                "is not the key of the certificate in {}; both must be replaced together",
                files.certificate.display()
            ),
            error => format!("is unusable: {error}; give an ECDSA, Ed25519 or RSA key as PKCS #8"),
        };
        Error::Credential { role: KEY, path: files.key.clone(), problem }
    })
}

/// Whether a certificate's validity is over.
pub(crate) fn expired(not_after: u64) -> bool {
    UnixTime::now().as_secs() > not_after
}

/// The name that the receiver's certificate must have.
pub(crate) fn server_name(name: &str) -> Result<ServerName<'static>, Error> {
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    ServerName::try_from(bare.to_owned()).map_err(|_| Error::Setting {
        setting: "server_name",
        problem: "is neither a DNS name nor an IP address; give the name in the receiver's certificate",
    })
}
