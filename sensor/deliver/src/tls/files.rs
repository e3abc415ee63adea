//! PEM and DER from files: bounded, and with errors that say what stands in the file instead.
use crate::Error;
use rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer,
    pem::{self, PemObject},
};
use std::{
    fs::File,
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

/// Largest file: revocation lists of large authorities reach megabytes.
const LARGEST: u64 = 16 << 20;

/// What tells a replaced file from the former one, through symbolic links.
pub(super) type FileId = Option<(u64, u64, u64, i64, i64)>;

/// Device, inode, size, modification time; [`None`]: it can't be looked at.
pub(super) fn file_id(path: &Path) -> FileId {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.dev(), meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec()))
}

fn read(role: &'static str, path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |source: io::Error| {
        let remedy = match source.kind() {
            io::ErrorKind::NotFound => "put the file there or correct the path",
            io::ErrorKind::PermissionDenied => "let the sensor's user read it",
            _ => "give a regular file",
        };
        Error::Read { role, path: path.into(), remedy, source }
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LARGEST {
        return Err(wrong(role, path, "is larger than 16 MiB; is it the right file?"));
    }
    Ok(bytes)
}

fn wrong(role: &'static str, path: &Path, problem: impl Into<String>) -> Error {
    Error::Credential { role, path: path.into(), problem: problem.into() }
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// All certificates of a PEM file, at least one.
pub(super) fn certificates(role: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let bytes = read(role, path)?;
    let found = CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|error| broken(role, path, &error))?;
    if found.is_empty() {
        let problem = if has(&bytes, "PRIVATE KEY-----") {
            "holds a private key, no certificate; are the certificate's and the key's path exchanged?"
        } else {
            "holds no PEM certificate (-----BEGIN CERTIFICATE-----)"
        };
        return Err(wrong(role, path, problem));
    }
    Ok(found)
}

/// The private key of a PEM file.
pub(super) fn private_key(role: &'static str, path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    let bytes = read(role, path)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| match error {
        pem::Error::NoItemsFound if has(&bytes, "ENCRYPTED PRIVATE KEY") => {
            wrong(role, path, "is encrypted; give it decrypted, readable by the sensor's user only")
        }
        pem::Error::NoItemsFound if has(&bytes, "BEGIN CERTIFICATE") => wrong(
            role,
            path,
            "holds a certificate, no private key; are the certificate's and the key's path exchanged?",
        ),
        pem::Error::NoItemsFound => {
            wrong(role, path, "holds no PEM private key (-----BEGIN PRIVATE KEY-----)")
        }
        error => broken(role, path, &error),
    })
}

/// The revocation lists of a PEM file, or the one of a DER file.
pub(super) fn revocation_lists(
    role: &'static str,
    path: &Path,
) -> Result<Vec<CertificateRevocationListDer<'static>>, Error> {
    let bytes = read(role, path)?;
    if !has(&bytes, "-----BEGIN") {
        return Ok(vec![bytes.into()]);
    }
    let found = CertificateRevocationListDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|error| broken(role, path, &error))?;
    if found.is_empty() {
        return Err(wrong(role, path, "holds no revocation list (-----BEGIN X509 CRL-----)"));
    }
    Ok(found)
}

fn broken(role: &'static str, path: &Path, error: &pem::Error) -> Error {
    wrong(role, path, format!("is broken PEM: {error}; was it written whole?"))
}
