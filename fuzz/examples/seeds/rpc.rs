//! Every request, and what is wrong in one field.
use super::Seeds;
use guardbee_wire::{ABI, Wants, Operation, Policy, Record, Request, Thing};
use std::error::Error;
use zerocopy::IntoBytes as _;

pub(crate) fn seeds() -> Result<Seeds, Box<dyn Error>> {
    let ask =
        |operation: Operation| Request { abi: ABI, operation: operation as u16, id: 7, ..Request::default() };
    let open = Request { tgid: 4242, start_ns: 123_456_789, ..ask(Operation::Open) };
    let attach = Request { token: 1 << 40 | 3, offset: 0x1_2340, program: 20, ..ask(Operation::Attach) };
    let heartbeat = Request { offset: 99, bytes: [0xab; 32], ..ask(Operation::Heartbeat) };
    let mut bytes = [0; 32];
    bytes[..6].copy_from_slice(b"shadow");
    let name = Request { tgid: 6, program: 1, bytes, ..ask(Operation::WatchName) };
    bytes[..size_of::<Wants>()].copy_from_slice(Wants::ALL.as_bytes());
    let files = Request { bytes, ..ask(Operation::Want) };
    let mut bytes = [0; 32];
    let terms = Policy { left_out: 1 << 16, per_second: 5, burst: 9, flags: 3, pad: 0 };
    bytes[..size_of::<Policy>()].copy_from_slice(terms.as_bytes());
    let policy = Request { program: 7, bytes, ..ask(Operation::Policy) };
    let scope = Request { thing: 2, program: 7, offset: 4242, ..ask(Operation::Scope) };
    let mut requests = vec![
        ("policy".to_owned(), policy),
        ("wrong-policy".to_owned(), Request { bytes: [1; 32], ..policy }),
        ("scope".to_owned(), scope),
        ("wrong-scope".to_owned(), Request { thing: 0, ..scope }),
        ("watch-name".to_owned(), name),
        ("wrong-watch-role".to_owned(), Request { thing: 3, ..name }),
        ("want-files".to_owned(), files),
        ("wrong-want-files".to_owned(), Request { bytes: [1; 32], ..files }),
        ("watch".to_owned(), Request { program: 0x7ff, ..ask(Operation::Watch) }),
        ("hello".to_owned(), ask(Operation::Hello)),
        ("iterate-processes".to_owned(), ask(Operation::IterateProcesses)),
        ("iterate-sockets".to_owned(), ask(Operation::IterateSockets)),
        ("self-test".to_owned(), ask(Operation::SelfTest)),
        ("attach".to_owned(), attach),
        ("heartbeat".to_owned(), heartbeat),
        ("wrong-abi".to_owned(), Request { abi: ABI + 1, ..ask(Operation::Hello) }),
        ("wrong-operation".to_owned(), Request { operation: 14, ..ask(Operation::Hello) }),
        ("wrong-no-operation".to_owned(), Request { operation: 0, ..ask(Operation::Hello) }),
        ("wrong-thing".to_owned(), Request { thing: 9, ..open }),
        ("wrong-record".to_owned(), Request { thing: 7, bytes: [0x3f; 32], ..ask(Operation::OpenRecord) }),
        ("wrong-no-thing".to_owned(), open),
        ("wrong-unused".to_owned(), Request { tgid: 1, ..ask(Operation::Hello) }),
        ("wrong-unused-bytes".to_owned(), Request { bytes: [1; 32], ..attach }),
        ("wrong-zero".to_owned(), Request::default()),
    ];
    let things = (1..).map_while(Thing::from_number);
    requests.extend(things.map(|thing| {
        (format!("open-{}", format!("{thing:?}").to_lowercase()), Request { thing: thing as u16, ..open })
    }));
    let records = (1..).map_while(Record::from_number);
    requests.extend(records.map(|record| {
        let request = Request { thing: record as u16, bytes: [0x3f; 32], ..ask(Operation::OpenRecord) };
        (format!("record-{}", format!("{record:?}").to_lowercase()), request)
    }));
    let mut seeds: Seeds =
        requests.into_iter().map(|(name, request)| (name, request.as_bytes().to_vec())).collect();
    let hello = ask(Operation::Hello).as_bytes().to_vec();
    seeds.push(("wrong-short".to_owned(), hello[..hello.len() - 1].to_vec()));
    seeds.push(("wrong-long".to_owned(), [&hello[..], &[0]].concat()));
    Ok(seeds)
}
