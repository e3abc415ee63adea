//! Deeds of every kind.
use super::Draw;
use guardbee_model::{
    clock::BootTime,
    dns::{Answer, Lookup, Question, Record},
    id::ConnectionId,
    system::{
        Access, Call, Change, Control, Deed, Extension, ExtensionKind, IoUring, Memory, MemoryKind, Mount,
        MountKind, Namespace, Reach, Signal, SocketChange, SocketKind, System, Target, Title,
    },
};

impl Draw<'_> {
    pub(super) fn system(&mut self) -> System {
        System {
            call: self.option(|draw| Call {
                name: draw.one_of(&["setuid", "ptrace", "mount"]),
                arguments: std::array::from_fn(|_| draw.number()),
                result: i64::from(draw.byte()) - 128,
            }),
            comm: self.boxed(),
            deed: self.deed(),
        }
    }

    fn deed(&mut self) -> Deed {
        match self.byte() % 12 {
            0 => Deed::Credentials(Change {
                before: self.option(Self::credentials),
                after: self.credentials(),
                user: self.option(Self::user),
                groups: self.word(),
                user_ns: self.word(),
                unexplained: self.flag(),
            }),
            1 => Deed::Access(Access {
                reach: self.one_of(&Reach::ALL),
                target: self.option(Self::target),
                fd: self.fd(),
                bytes: self.number(),
            }),
            2 => Deed::Namespace(Namespace {
                subject: self.option(Self::key),
                after: std::array::from_fn(|_| self.word()),
                changed: self.byte(),
                host: self.byte(),
            }),
            3 => Deed::Mount(Mount {
                what: self.one_of(&[MountKind::Mounted, MountKind::Unmounted, MountKind::RootChanged]),
                claimed: self.flag(),
                fstype: self.boxed(),
                from: self.boxed(),
                place: self.boxed(),
            }),
            4 => Deed::SocketChange(SocketChange {
                what: self.one_of(&[SocketKind::Made, SocketKind::Bound, SocketKind::Standard]),
                family: self.byte().into(),
                kind: self.byte().into(),
                protocol: self.byte().into(),
                fd: i32::from(self.byte()) - 128,
                connection: ConnectionId(self.number()),
                role: self.role(),
                local: self.option(Self::address),
                remote: self.option(Self::address),
                detail: self.boxed(),
                submitted: self.flag(),
            }),
            5 => Deed::Extension(Extension {
                what: self.one_of(&[ExtensionKind::Program, ExtensionKind::Probe, ExtensionKind::Kernel]),
                kind: self.word(),
                id: self.word(),
                detail: self.boxed(),
            }),
            6 => Deed::Signal(Signal {
                target: self.target(),
                code: i32::from(self.byte()) - 128,
                number: self.byte().into(),
            }),
            7 => Deed::Memory(Memory {
                what: self.one_of(&[MemoryKind::Protected, MemoryKind::Mapped, MemoryKind::File]),
                address: self.number(),
                length: self.number(),
                protection: self.word(),
                detail: self.boxed(),
            }),
            8 => Deed::Title(Title { target: self.target(), after: self.boxed() }),
            9 => Deed::IoUring(IoUring {
                entries: self.word(),
                opcode: self.byte(),
                path: self.boxed(),
                source: self.boxed(),
                attribute: self.boxed(),
                path_cut: self.flag(),
            }),
            10 => Deed::Control(Control { detail: self.boxed() }),
            11 => Deed::Inquiry,
            _ => Deed::Lookup(self.lookup()),
        }
    }

    fn lookup(&mut self) -> Lookup {
        let question = Question {
            name: self.boxed(),
            registered: self.boxed(),
            kind: self.byte().into(),
            class: self.byte().into(),
        };
        let answer = self.option(|draw| Answer {
            code: draw.byte(),
            cut: draw.byte() > 127,
            records: (0..draw.byte() % 4)
                .map(|_| Record { kind: draw.byte().into(), data: draw.boxed() })
                .collect(),
        });
        Lookup {
            asked: BootTime(self.number()),
            server: self.address().ip(),
            socket: self.number(),
            id: self.byte().into(),
            question,
            answer,
            further: false,
        }
    }

    fn target(&mut self) -> Target {
        Target { process: self.key(), tid: self.word(), uid: self.word(), comm: self.boxed() }
    }
}
