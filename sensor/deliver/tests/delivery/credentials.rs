//! Certificates that are wrong: the error names the problem, nothing is lost within the bound, and delivery goes on when
//! the files on disk are right.
use crate::{Bench, SOON, finding, until, until_error};
use guardbee_deliver::{
    Bound, Bounds, Files, Otlp,
    testing::{Authority, Leaf, Server, Trust},
};

const BOUND: usize = 4;

/// A receiver that refuses what `mend` replaces by something right.
fn refused_until_mended(bench: &Bench, files: Files, said: &str, mend: impl FnOnce()) {
    let bounds = Bounds { findings: Bound { records: BOUND, bytes: 1 << 20 }, ..Bounds::default() };
    let deliver = bench.start(&Otlp { files, bounds, ..bench.otlp() });
    (0..BOUND).for_each(|_| deliver.send(&finding()));
    until_error(&deliver, said);
    let status = deliver.status();
    assert_eq!((status.delivered, status.connected_for, status.lost), (0, None, vec![]));
    (0..3).for_each(|_| deliver.send(&finding()));
    assert_eq!(deliver.status().lost, [("queue_full", "finding", 3)]);
    mend();
    assert!(deliver.flush(SOON), "{:#?}", deliver.status());
    until(&deliver, "no error", |status| status.error.is_none());
    assert_eq!(bench.server.received().logs.len(), BOUND);
    assert_eq!(
        (deliver.status().delivered, deliver.status().lost),
        (BOUND as u64, vec![("queue_full", "finding", 3)])
    );
}

/// Our certificate is wrong at first.
fn bad_client(bench: &Bench, bad: &guardbee_deliver::testing::Issued, said: &str) {
    let folder = bench.folder.path();
    let (certificate, key) = bad.write(folder, "bad");
    let said = said.replace("FILE", &certificate.display().to_string());
    let files = Files { certificate, key, ..bench.otlp().files };
    refused_until_mended(bench, files, &said, || {
        bench.authority.issue(&Leaf::localhost()).write(folder, "bad");
    });
}

#[test]
fn no_client_certificate() {
    let bench = Bench::new();
    let files = Files { certificate: "".into(), key: "".into(), ..bench.otlp().files };
    let deliver = bench.start(&Otlp { files, ..bench.otlp() });
    deliver.send(&finding());
    until_error(
        &deliver,
        "the receiver demands a client certificate and we have none: set `certificate` and `key`",
    );
    assert_eq!((deliver.status().delivered, deliver.status().lost), (0, vec![]));
}

#[test]
fn expired_client_certificate() {
    let bench = Bench::new();
    let bad = bench.authority.issue(&Leaf { expired: true, ..Leaf::localhost() });
    bad_client(&bench, &bad, "the receiver says that our certificate FILE has expired: replace it");
}

#[test]
fn client_certificate_of_a_foreign_authority() {
    let bench = Bench::new();
    let bad = Authority::new("two").issue(&Leaf::localhost());
    bad_client(
        &bench,
        &bad,
        "our certificate FILE comes from an authority it does not know: have one issued",
    );
}

#[test]
fn revoked_client_certificate() {
    let authority = Authority::new("one");
    let bad = authority.issue(&Leaf::localhost());
    let crls = vec![authority.revoke(&[&bad])];
    let identity = authority.issue(&Leaf::localhost());
    let server = Server::start(&identity, &Trust { clients: Some(&authority), crls });
    let bench = Bench::with(authority, server);
    bad_client(&bench, &bad, "our certificate FILE is revoked: have a new one issued and replace it");
}

#[test]
fn revoked_server_certificate() {
    let authority = Authority::new("one");
    let identity = authority.issue(&Leaf::localhost());
    let server = Server::start(&identity, &Trust { clients: Some(&authority), crls: vec![] });
    let bench = Bench::with(authority, server);
    let crl = bench.authority.write_crl(bench.folder.path(), "list", &[&identity]);
    let files = Files { crls: vec![crl], ..bench.otlp().files };
    refused_until_mended(
        &bench,
        files,
        "the receiver's certificate is revoked: replace it at the receiver",
        || {
            bench.authority.write_crl(bench.folder.path(), "list", &[]);
        },
    );
}

#[test]
fn server_certificate_that_no_list_covers() {
    let bench = Bench::new();
    let crl = Authority::new("two").write_crl(bench.folder.path(), "list", &[]);
    let files = Files { crls: vec![crl], ..bench.otlp().files };
    refused_until_mended(&bench, files, "covered by none of the revocation lists: give the list of", || {
        bench.authority.write_crl(bench.folder.path(), "list", &[]);
    });
}

#[test]
fn server_certificate_of_a_foreign_authority() {
    let bench = Bench::new();
    let ca = Authority::new("two").write(bench.folder.path(), "other");
    let said = format!(
        "the receiver's certificate was issued by no authority in {}: give the right `ca`",
        ca.display()
    );
    refused_until_mended(&bench, Files { ca, ..bench.otlp().files }, &said, || {
        bench.authority.write(bench.folder.path(), "other");
    });
}

#[test]
fn expired_server_certificate_and_wrong_name() {
    for (leaf, said) in [
        (
            Leaf { expired: true, ..Leaf::localhost() },
            "the receiver's certificate has expired: replace it at the receiver",
        ),
        (Leaf { names: vec!["other".into()], expired: false }, "is for another name"),
    ] {
        let authority = Authority::new("one");
        let identity = authority.issue(&leaf);
        let server = Server::start(&identity, &Trust { clients: Some(&authority), crls: vec![] });
        let bench = Bench::with(authority, server);
        let deliver = bench.start(&bench.otlp());
        deliver.send(&finding());
        until_error(&deliver, said);
        assert_eq!(deliver.status().lost, []);
    }
}

#[test]
fn a_broken_set_leaves_the_former_in_use() {
    let bench = Bench::new();
    let otlp = bench.otlp();
    let deliver = bench.start(&otlp);
    std::fs::write(&otlp.files.key, "nonsense").unwrap();
    deliver.reload();
    let problem = deliver.status().credentials.unwrap();
    assert!(problem.contains("client.key: holds no PEM private key"), "{problem}");
    assert!(problem.ends_with("(the former credentials stay in use)"), "{problem}");
    deliver.send(&finding());
    assert!(deliver.flush(SOON), "{:?}", deliver.status());
    bench.authority.issue(&Leaf::localhost()).write(bench.folder.path(), "client");
    until(&deliver, "the new set", |status| status.credentials.is_none());
}

#[test]
fn files_that_come_later_are_found() {
    let bench = Bench::new();
    let otlp = bench.otlp();
    std::fs::remove_file(&otlp.files.certificate).unwrap();
    let deliver = bench.start(&otlp);
    deliver.send(&finding());
    until_error(
        &deliver,
        "client.pem: No such file or directory (os error 2); put the file there or correct the path",
    );
    bench.authority.issue(&Leaf::localhost()).write(bench.folder.path(), "client");
    assert!(deliver.flush(SOON), "{:?}", deliver.status());
}

#[test]
fn new_credentials_open_a_new_connection() {
    let bench = Bench::new();
    let deliver = bench.start(&bench.otlp());
    deliver.send(&finding());
    assert!(deliver.flush(SOON));
    assert_eq!(bench.server.received().connections, 1);
    bench.authority.issue(&Leaf::localhost()).write(bench.folder.path(), "client");
    deliver.reload();
    deliver.send(&finding());
    assert!(deliver.flush(SOON));
    assert_eq!((bench.server.received().connections, bench.server.received().logs.len()), (2, 2));
}
