//! Settings and files that can't be right: each error names the place and the remedy.
use crate::Bench;
use guardbee_deliver::{
    Files, Otlp,
    testing::{Authority, Leaf},
};
use std::path::{Path, PathBuf};

/// What `check` says, with the test's folder left out.
fn said(bench: &Bench, change: impl FnOnce(&mut Otlp, &Path)) -> String {
    let mut otlp = bench.otlp();
    change(&mut otlp, bench.folder.path());
    let error = otlp.check().unwrap_err().to_string();
    println!("cases: 1");
    error.replace(&format!("{}/", bench.folder.path().display()), "")
}

/// The same for one file with this content.
fn with_file(bench: &Bench, name: &str, content: &str, place: impl FnOnce(&mut Files, PathBuf)) -> String {
    said(bench, |otlp, folder| {
        let path = folder.join(name);
        std::fs::write(&path, content).unwrap();
        place(&mut otlp.files, path);
    })
}

fn ca(files: &mut Files, path: PathBuf) {
    files.ca = path;
}

fn certificate(files: &mut Files, path: PathBuf) {
    files.certificate = path;
}

fn key(files: &mut Files, path: PathBuf) {
    files.key = path;
}

fn crl(files: &mut Files, path: PathBuf) {
    files.crls = vec![path];
}

#[test]
fn right_settings_pass() {
    let bench = Bench::new();
    let crl = bench.authority.write_crl(bench.folder.path(), "list", &[]);
    let mut otlp = bench.otlp();
    otlp.files.crls = vec![crl];
    otlp.check().unwrap();
}

#[test]
fn settings_that_do_not_fit_together() {
    let bench = Bench::new();
    assert_eq!(
        said(&bench, |otlp, _| otlp.files.ca = "".into()),
        "ca: is missing; give the PEM file of the authority that issued the receiver's certificate"
    );
    assert_eq!(
        said(&bench, |otlp, _| otlp.files.key = "".into()),
        "key: is missing while `certificate` is given; give both, or neither"
    );
    assert_eq!(
        said(&bench, |otlp, _| otlp.files.certificate = "".into()),
        "certificate: is missing while `key` is given; give both, or neither"
    );
    assert_eq!(
        said(&bench, |otlp, _| otlp.server_name = "a b".into()),
        "server_name: is neither a DNS name nor an IP address; give the name in the receiver's certificate"
    );
}

#[test]
fn files_that_can_not_be_read() {
    let bench = Bench::new();
    assert_eq!(
        said(&bench, |otlp, folder| otlp.files.ca = folder.join("none.pem")),
        "read authority file none.pem: No such file or directory (os error 2); put the file there or correct the path"
    );
    assert_eq!(
        said(&bench, |otlp, folder| {
            otlp.files.key = folder.join("folder");
            std::fs::create_dir(&otlp.files.key).unwrap();
        }),
        "read client key folder: Is a directory (os error 21); give a regular file"
    );
    assert_eq!(
        said(&bench, |otlp, folder| {
            otlp.files.crls = vec![folder.join("huge")];
            std::fs::File::create(&otlp.files.crls[0]).unwrap().set_len(17 << 20).unwrap();
        }),
        "revocation list huge: is larger than 16 MiB; is it the right file?"
    );
}

#[test]
fn files_with_something_else() {
    let bench = Bench::new();
    let issued = bench.authority.issue(&Leaf::localhost());
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let exchanged = "are the certificate's and the key's path exchanged?";
    for (content, place, error) in [
        (
            "",
            ca as fn(&mut Files, PathBuf),
            "authority file x: holds no PEM certificate (-----BEGIN CERTIFICATE-----)".to_owned(),
        ),
        (
            "junk",
            certificate,
            "client certificate x: holds no PEM certificate (-----BEGIN CERTIFICATE-----)".into(),
        ),
        (
            &issued.key,
            certificate,
            format!("client certificate x: holds a private key, no certificate; {exchanged}"),
        ),
        (&issued.certificate, key, format!("client key x: holds a certificate, no private key; {exchanged}")),
        (
            encrypted,
            key,
            "client key x: is encrypted; give it decrypted, readable by the sensor's user only".into(),
        ),
        ("junk", key, "client key x: holds no PEM private key (-----BEGIN PRIVATE KEY-----)".into()),
        (
            &issued.certificate,
            crl,
            "revocation list x: holds no revocation list (-----BEGIN X509 CRL-----)".into(),
        ),
        (
            &issued.key,
            key,
            "client key x: is not the key of the certificate in client.pem; both must be replaced together"
                .into(),
        ),
    ] {
        assert_eq!(with_file(&bench, "x", content, place), error);
    }
}

#[test]
fn files_that_are_broken() {
    let bench = Bench::new();
    let short = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    let unending = bench.authority.certificate.replace("-----END CERTIFICATE-----", "");
    for (content, place, begin, end) in [
        (
            short,
            ca as fn(&mut Files, PathBuf),
            "authority file x: certificate 1 is unusable: ",
            "; export it again",
        ),
        (short, certificate, "client certificate x: certificate 1 is unusable: ", "; issue it again"),
        (&unending, ca, "authority file x: is broken PEM: ", "; was it written whole?"),
        ("junk", crl, "revocation list x: is no revocation list (", "; fetch it again from the authority"),
    ] {
        let error = with_file(&bench, "x", content, place);
        assert!(error.starts_with(begin) && error.ends_with(end), "{error}");
    }
    let mut second = Authority::new("two").certificate;
    second.push_str(short);
    let error = with_file(&bench, "x", &second, ca);
    assert!(error.starts_with("authority file x: certificate 2 is unusable: "), "{error}");
}
