//! Planted secrets: nowhere in a recording, unless it was asked for raw.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

#[allow(dead_code, reason = "what is shared with the other test")]
mod draw;

use draw::Draw;
use guardbee_model::{
    finding::{Action, Observation},
    request::Request,
};
use guardbee_recording::{Head, Item, Reader, Secrets, Writer};
use std::sync::Arc;

const SECRET: &str = "hunter2";

/// An exec and a request with the secret wherever one is known to stand.
fn planted() -> Vec<Item> {
    let words = |line: &str| line.split(' ').map(|word| word.as_bytes().into()).collect();
    let line = "mysql --password=hunter2 --token hunter2 DB_PASSWORD=hunter2 http://u:hunter2@h/?sig=hunter2";
    // Action 2 is an exec, 6 a request.
    let drawn = |action: u8| match Draw::new(&[3, 1, action]).items().remove(0) {
        Item::Observation(one) => (*one).clone(),
        other => panic!("{other:?}"),
    };
    let (mut exec, mut head) = (drawn(2), drawn(6));
    let mut process = match Draw::new(&[3, 1, 3, 9, 1, 1]).items().remove(0) {
        Item::Observation(one) => one.process.as_deref().cloned().unwrap(),
        other => panic!("{other:?}"),
    };
    Arc::make_mut(&mut process.args).words = words(line);
    let process = Arc::new(process);
    if let Action::Exec(exec) = &mut exec.action {
        Arc::make_mut(exec).args.words = words(line);
    }
    if let Action::RequestHead(request) = &mut head.action {
        let request = Arc::make_mut(request);
        request.query = Some(b"user=a&token=hunter2".as_slice().into());
        request.host = b"u:hunter2@shop.example".as_slice().into();
        request.content_type = b"multipart/form-data; token=hunter2".as_slice().into();
        request.referer = b"https://u:hunter2@shop.example/?session=hunter2".as_slice().into();
    }
    let with = |one: Observation| Observation {
        process: Some(Arc::clone(&process)),
        ancestors: vec![Arc::clone(&process)].into(),
        ..one
    };
    [exec, head].map(|one| Item::Observation(Arc::new(with(one)))).to_vec()
}

fn shown(secrets: Secrets) -> (Vec<Item>, String) {
    let mut writer = Writer::new(Vec::new(), &Head { secrets, ..Head::default() }).unwrap();
    for item in planted() {
        writer.put(&item).unwrap();
    }
    let bytes = writer.finish().unwrap();
    let mut reader = Reader::new(bytes.as_slice()).unwrap();
    assert_eq!(reader.head().secrets, secrets);
    let mut items = Vec::new();
    while let Some(item) = reader.next_item().unwrap() {
        items.push(item);
    }
    let mut texts = String::new();
    for item in &items {
        let Item::Observation(one) = item else { panic!("{item:?}") };
        for process in one.ancestors.iter().chain(&one.process) {
            texts += &process.args.display();
        }
        match &one.action {
            Action::Exec(exec) => texts += &exec.args.display(),
            Action::RequestHead(request) => {
                let Request { host, referer, content_type, .. } = &**request;
                let fields = [request.query.as_deref().unwrap(), host, referer, content_type];
                for field in fields {
                    texts += &String::from_utf8_lossy(field);
                }
            }
            other => panic!("{other:?}"),
        }
    }
    (items, texts)
}

#[test]
fn redacted_unless_asked_otherwise() {
    let (_, texts) = shown(Secrets::default());
    assert!(!texts.contains(SECRET), "{texts}");
    assert!(texts.contains("--password=REDACTED") && texts.contains("REDACTED@shop.example"), "{texts}");
    let (items, texts) = shown(Secrets::Raw);
    assert_eq!(items, planted());
    assert!(texts.contains(SECRET));
}
