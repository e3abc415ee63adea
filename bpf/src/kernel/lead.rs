//! The full form of dispatch: programs of calls, entered where the one at the end of all calls looks them up.
use super::map;
use crate::dispatch::Call;
use libbpf_rs::{Link, MapCore as _, MapFlags, Object};
use std::{
    io,
    os::fd::{AsRawFd as _, BorrowedFd},
};
use zerocopy::IntoBytes as _;

/// The programs at the end of all calls, and their tables. A place in a table holds one program, and there are calls that two are
/// led to.
const DISPATCHERS: [(&str, &str); 2] = [("dispatch", "calls"), ("dispatch_again", "calls_again")];

/// What is entered. Dropping it ends it.
#[derive(Debug, Default)]
pub(super) struct Leads {
    entered: Vec<Lead>,
    /// Of each dispatcher, while anything is entered for it.
    links: [Option<Link>; DISPATCHERS.len()],
}

#[derive(Debug)]
struct Lead {
    program: u8,
    call: Call,
    /// Of [`DISPATCHERS`].
    dispatcher: usize,
}

impl Leads {
    /// Is this one of the programs at the end of all calls, and attached?
    pub(super) fn is_leading(&self, dispatcher: &str) -> bool {
        let mut links = DISPATCHERS.iter().zip(&self.links);
        links.any(|((name, _), link)| *name == dispatcher && link.is_some())
    }

    pub(super) fn has(&self, program: u8) -> bool {
        self.entered.iter().any(|lead| lead.program == program)
    }

    /// Enters the program for the call, by all its numbers.
    pub(super) fn enter(
        &mut self,
        object: &Object,
        (program, fd): (u8, BorrowedFd<'_>),
        call: Call,
    ) -> Result<(), libbpf_rs::Error> {
        let none = |what: String| libbpf_rs::Error::from(io::Error::new(io::ErrorKind::NotFound, what));
        let taken = |number: usize| {
            self.entered.iter().any(|lead| lead.dispatcher == number && lead.call.number == call.number)
        };
        let mut free =
            DISPATCHERS.iter().zip(&mut self.links).enumerate().filter(|(number, _)| !taken(*number));
        let Some((dispatcher, ((name, table), link))) = free.next() else {
            return Err(none(format!("no place for a third program of call {}", call.number)));
        };
        if link.is_none() {
            let found = object.progs_mut().find(|program| program.name() == *name);
            *link = Some(found.ok_or_else(|| none(format!("no program {name}")))?.attach()?);
        }
        let number = call.number.as_bytes();
        map(object, table)?.update(number, fd.as_raw_fd().as_bytes(), MapFlags::ANY)?;
        tell(object, &call, call.number + 1)?;
        self.entered.push(Lead { program, call, dispatcher });
        Ok(())
    }

    /// Nothing leads to the program any more.
    pub(super) fn leave(&mut self, object: &Object, program: u8) -> Result<(), libbpf_rs::Error> {
        let left: Vec<Lead> = self.entered.extract_if(.., |lead| lead.program == program).collect();
        for Lead { call, dispatcher, .. } in left {
            if !self.entered.iter().any(|other| other.call == call) {
                tell(object, &call, 0)?;
            }
            let Some(((_, table), link)) = DISPATCHERS.iter().zip(&mut self.links).nth(dispatcher) else {
                continue;
            };
            map(object, table)?.delete(call.number.as_bytes())?;
            if !self.entered.iter().any(|other| other.dispatcher == dispatcher) {
                *link = None;
            }
        }
        Ok(())
    }
}

/// What the call's numbers mean from now on.
fn tell(object: &Object, call: &Call, meaning: u32) -> Result<(), libbpf_rs::Error> {
    let numbers = map(object, "call_numbers")?;
    call.places
        .iter()
        .try_for_each(|place| numbers.update(place.as_bytes(), meaning.as_bytes(), MapFlags::ANY))
}
