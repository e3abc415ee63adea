//! A certificate authority in memory.
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// What a certificate shall be like.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// DNS or IP names.
    pub names: Vec<String>,
    /// Its validity is over since 2021.
    pub expired: bool,
}

impl Leaf {
    /// For the host `localhost`.
    pub fn localhost() -> Self {
        Self { names: vec!["localhost".into(), "127.0.0.1".into()], expired: false }
    }
}

/// A certificate with its key, as PEM.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
    /// Its serial number.
    pub serial: u64,
}

impl Issued {
    /// Writes `<name>.pem` and `<name>.key`; replaces both as a set, like a secret's mount does.
    pub fn write(&self, folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let paths = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
        for (path, text) in [(&paths.0, &self.certificate), (&paths.1, &self.key)] {
            replace(path, text);
        }
        paths
    }
}

/// Replaces a file in one step.
pub(crate) fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).expect("write a file of the test");
    std::fs::rename(&new, path).expect("replace a file of the test");
}

/// An authority.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate, as PEM.
    pub certificate: String,
    next_serial: AtomicU64,
}

impl Authority {
    /// A new one.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2100, 1, 1));
        let key = KeyPair::generate().expect("make a key");
        let certificate = params.self_signed(&key).expect("sign an authority").pem();
        Self { issuer: Issuer::new(params, key), certificate, next_serial: AtomicU64::new(1) }
    }

    /// Writes its certificate.
    pub fn write(&self, folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(format!("{name}.pem"));
        replace(&path, &self.certificate);
        path
    }

    /// Issues a certificate for servers and clients alike.
    pub fn issue(&self, leaf: &Leaf) -> Issued {
        let serial = self.next_serial.fetch_add(1, Ordering::Relaxed);
        let mut params = CertificateParams::new(leaf.names.clone()).expect("names");
        params.serial_number = Some(SerialNumber::from(serial));
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let end = if leaf.expired { 2021 } else { 2100 };
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(end, 1, 1));
        let key = KeyPair::generate().expect("make a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("sign a certificate").pem();
        Issued { certificate, key: key.serialize_pem(), serial }
    }

    /// A revocation list of these.
    pub fn revoke(&self, revoked: &[&Issued]) -> String {
        let revoked_certs = revoked.iter().map(|issued| RevokedCertParams {
            serial_number: SerialNumber::from(issued.serial),
            revocation_time: date_time_ymd(2022, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2022, 1, 1),
            next_update: date_time_ymd(2100, 1, 1),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked_certs.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).expect("sign a revocation list").pem().expect("encode it")
    }

    /// Writes a revocation list.
    pub fn write_crl(&self, folder: &Path, name: &str, revoked: &[&Issued]) -> PathBuf {
        let path = folder.join(format!("{name}.crl"));
        replace(&path, &self.revoke(revoked));
        path
    }
}
