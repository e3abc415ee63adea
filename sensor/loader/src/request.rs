//! Requests: bytes from the pipeline become an [`Ask`], or are refused. The pipeline is not trusted here.
use guardbee_wire::{
    ABI, Operation, Policy, Record, Request, ScopePolicy, Thing, Wants, WatchKey, WatchRole,
};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Of [`Request::thing`], for [`Operation::Scope`].
const PAYLOAD_READ: u16 = 1;
const PAYLOAD_NEVER: u16 = 2;

/// What the pipeline asks, as a value that can't be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Rings, counters, states.
    Hello,
    /// An iterator over processes.
    IterateProcesses,
    /// An iterator over sockets.
    IterateSockets,
    /// A thing of a process.
    Open(Process, Thing),
    /// A uprobe.
    Attach {
        /// ELF that the loader opened.
        token: u64,
        /// In the file, bytes.
        offset: u64,
        /// Which program.
        program: u32,
    },
    /// Remember this for the next pipeline.
    Heartbeat {
        /// Sequence of the batch.
        sequence: u64,
        /// Its hash.
        hash: [u8; 32],
    },
    /// Fire every program.
    SelfTest,
    /// A name for the next watch list, and for which kinds of file events it is on it.
    WatchName(WatchKey, u32),
    /// From now on these file events and variables.
    Want(Wants),
    /// What is watched from now on, beside what always is: bits of kinds.
    Watch(u32),
    /// What holds under this number; 0: where no policy does.
    Policy(u32, Policy),
    /// Which policy holds in this cgroup.
    Scope(u64, Option<ScopePolicy>),
    /// What a runtime keeps of the container with this id.
    OpenRecord([u8; 32], Record),
}

/// A process as the kernel half names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// In the initial pid namespace.
    pub tgid: u32,
    /// `task_struct.start_boottime` of the leader, nanoseconds.
    pub start_ns: u64,
}

/// Not a request; what of it can be repeated in the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Malformed {
    /// 0 where it could not be read.
    pub id: u64,
    /// 0 where it isn't one of ours.
    pub operation: u16,
}

/// The id and the question in one datagram. Total: every byte string gives one of the two answers.
///
/// A request is accepted only if it equals what [`encode`] makes of its meaning, so that every field that the operation
/// does not use is zero and nothing can be smuggled past a later version.
pub fn decode(datagram: &[u8]) -> Result<(u64, Ask), Malformed> {
    let request = Request::read_from_bytes(datagram).map_err(|_| Malformed::default())?;
    if request.abi != ABI {
        return Err(Malformed::default());
    }
    let refused = Malformed {
        id: request.id,
        operation: Operation::from_number(request.operation).map_or(0, |operation| operation as u16),
    };
    let ask = meaning(&request).ok_or(refused)?;
    if encode(request.id, &ask) == request { Ok((request.id, ask)) } else { Err(refused) }
}

fn meaning(request: &Request) -> Option<Ask> {
    Some(match Operation::from_number(request.operation)? {
        Operation::Hello => Ask::Hello,
        Operation::IterateProcesses => Ask::IterateProcesses,
        Operation::IterateSockets => Ask::IterateSockets,
        Operation::Open => Ask::Open(
            Process { tgid: request.tgid, start_ns: request.start_ns },
            Thing::from_number(request.thing)?,
        ),
        Operation::Attach => {
            Ask::Attach { token: request.token, offset: request.offset, program: request.program }
        }
        Operation::Heartbeat => Ask::Heartbeat { sequence: request.offset, hash: request.bytes },
        Operation::SelfTest => Ask::SelfTest,
        Operation::WatchName => Ask::WatchName(watch_key(request)?, request.program),
        Operation::Want => {
            let (wants, _) = Wants::read_from_prefix(&request.bytes).ok()?;
            Ask::Want(Some(wants).filter(Wants::is_sound)?)
        }
        Operation::Watch => Ask::Watch(request.program),
        Operation::Policy => {
            let (policy, _) = Policy::read_from_prefix(&request.bytes).ok()?;
            Ask::Policy(request.program, Policy { pad: 0, ..policy })
        }
        Operation::Scope => {
            let policy = |payload| Some(ScopePolicy { number: request.program, payload });
            let policy = match request.thing {
                0 => None,
                PAYLOAD_READ => policy(true),
                PAYLOAD_NEVER => policy(false),
                _ => return None,
            };
            Ask::Scope(request.offset, policy)
        }
        Operation::OpenRecord => Ask::OpenRecord(request.bytes, Record::from_number(request.thing)?),
    })
}

fn watch_key(request: &Request) -> Option<WatchKey> {
    let role = WatchRole::from_number(request.thing.into())?;
    Some(WatchKey { role: role as u32, length: request.tgid, name: request.bytes })
}

/// The only datagram that means `ask`.
pub fn encode(id: u64, ask: &Ask) -> Request {
    let operation = ask.operation() as u16;
    let empty = Request { abi: ABI, operation, id, ..Request::default() };
    match *ask {
        Ask::Hello | Ask::IterateProcesses | Ask::IterateSockets | Ask::SelfTest => empty,
        Ask::Open(process, thing) => {
            Request { thing: thing as u16, tgid: process.tgid, start_ns: process.start_ns, ..empty }
        }
        Ask::Attach { token, offset, program } => Request { token, offset, program, ..empty },
        Ask::Watch(kinds) => Request { program: kinds, ..empty },
        Ask::Heartbeat { sequence, hash } => Request { offset: sequence, bytes: hash, ..empty },
        Ask::WatchName(WatchKey { role, length, name }, kinds) => Request {
            thing: u16::try_from(role).unwrap_or(u16::MAX),
            tgid: length,
            program: kinds,
            bytes: name,
            ..empty
        },
        Ask::Want(wants) => Request { bytes: padded(&wants), ..empty },
        Ask::Policy(number, policy) => Request { program: number, bytes: padded(&policy), ..empty },
        Ask::Scope(cgroup, policy) => {
            let payload =
                policy.map_or(0, |policy| if policy.payload { PAYLOAD_READ } else { PAYLOAD_NEVER });
            let program = policy.map_or(0, |policy| policy.number);
            Request { thing: payload, program, offset: cgroup, ..empty }
        }
        Ask::OpenRecord(id, record) => Request { thing: record as u16, bytes: id, ..empty },
    }
}

fn padded<T: IntoBytes + Immutable>(value: &T) -> [u8; 32] {
    const { assert!(size_of::<T>() <= 32, "it has no room in a request") };
    let mut padded = [0; 32];
    padded.iter_mut().zip(value.as_bytes()).for_each(|(to, byte)| *to = *byte);
    padded
}

impl Ask {
    /// Its number on the wire.
    pub fn operation(&self) -> Operation {
        match self {
            Self::Hello => Operation::Hello,
            Self::IterateProcesses => Operation::IterateProcesses,
            Self::IterateSockets => Operation::IterateSockets,
            Self::Open(..) => Operation::Open,
            Self::Attach { .. } => Operation::Attach,
            Self::Heartbeat { .. } => Operation::Heartbeat,
            Self::SelfTest => Operation::SelfTest,
            Self::WatchName(..) => Operation::WatchName,
            Self::Want(_) => Operation::Want,
            Self::Watch(_) => Operation::Watch,
            Self::Policy(..) => Operation::Policy,
            Self::Scope(..) => Operation::Scope,
            Self::OpenRecord(..) => Operation::OpenRecord,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zerocopy::IntoBytes;

    use super::*;

    #[test]
    fn an_unused_field_that_is_not_zero_is_refused() {
        let request = Request { tgid: 1, ..encode(7, &Ask::Hello) };
        assert_eq!(decode(request.as_bytes()), Err(Malformed { id: 7, operation: Operation::Hello as u16 }));
    }

    #[test]
    fn an_unknown_thing_is_refused_by_name() {
        let process = Process { tgid: 1, start_ns: 1 };
        let request = Request { thing: 99, ..encode(9, &Ask::Open(process, Thing::Exe)) };
        assert_eq!(decode(request.as_bytes()), Err(Malformed { id: 9, operation: Operation::Open as u16 }));
    }

    #[test]
    fn a_record_that_there_is_not_is_refused_by_name() {
        let ask = Ask::OpenRecord([7; 32], Record::StorageVolatile);
        assert_eq!(decode(encode(9, &ask).as_bytes()), Ok((9, ask)));
        for thing in [0, 7] {
            let request = Request { thing, ..encode(9, &ask) };
            let refused = Malformed { id: 9, operation: Operation::OpenRecord as u16 };
            assert_eq!(decode(request.as_bytes()), Err(refused));
        }
    }

    #[test]
    fn policies_come_as_they_were_sent() {
        let policy = Policy { left_out: u64::MAX, per_second: 5, burst: 6, flags: 3, pad: 0 };
        let scope = |payload| Some(ScopePolicy { number: 7, payload });
        for ask in [
            Ask::Policy(9, policy),
            Ask::Scope(1 << 40, None),
            Ask::Scope(2, scope(true)),
            Ask::Scope(3, scope(false)),
        ] {
            assert_eq!(decode(encode(8, &ask).as_bytes()), Ok((8, ask)));
        }
        let wrong = Request { thing: 3, ..encode(8, &Ask::Scope(2, None)) };
        assert!(decode(wrong.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_the_only_encoding(bytes in proptest::collection::vec(any::<u8>(), 0..160)) {
            if let Ok((id, ask)) = decode(&bytes) {
                let only = encode(id, &ask);
                prop_assert_eq!(only.as_bytes(), &bytes[..]);
            }
        }

        #[test]
        fn one_changed_byte_never_keeps_the_meaning(at in 0..size_of::<Request>(), change in 1..=u8::MAX) {
            let ask = Ask::Open(Process { tgid: 77, start_ns: 123_456_789 }, Thing::Maps);
            let mut bytes = encode(5, &ask).as_bytes().to_vec();
            bytes[at] ^= change;
            prop_assert_ne!(decode(&bytes), Ok((5, ask)));
        }
    }
}
