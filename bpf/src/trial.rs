//! Which list of hooks does this kernel take? Found by loading, never by version or by what a probe says.
use crate::{
    Capability, Dispatch, Error, OBJECT, Options, Program, program::PROGRAMS as TABLE, tracefs,
    trampoline::Trampolines,
};
use guardbee_wire::{CONTEXTS, HookList, ProgramState};
use libbpf_rs::{
    ObjectBuilder, OpenMapMut, OpenObject, OpenProgramMut, ProgramAttachType, ProgramType,
    btf::{
        Btf, BtfType,
        types::{FuncProto, Int, Struct, Typedef},
    },
};
use std::ffi::OsStr;
use zerocopy::IntoBytes as _;

/// How the programs are attached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chosen {
    pub(crate) hooks: HookList,
    /// Spares stand behind the programs.
    pub(crate) spares: bool,
    /// What is seen at functions of the kernel; the rest is at the ends of calls.
    pub(crate) trampolines: Trampolines,
    /// How the programs of calls are led to them.
    pub(crate) dispatch: Dispatch,
    /// The tracepoint that tells what is submitted to `io_uring`, where the kernel has one that gives the request.
    pub(crate) submission: Option<&'static str>,
    /// `io_uring` makes sockets.
    pub(crate) ring_sockets: bool,
}

/// Numbers of the programs that are needed for what is wanted, attached as chosen.
pub(crate) fn programs_of(chosen: Chosen, options: &Options) -> Vec<u8> {
    let wanted = |program: &&Program| {
        (belongs(program, chosen.hooks) || chosen.trampolines.takes(program))
            && !(at_submission(program.name) && chosen.submission.is_none())
            && (chosen.ring_sockets || program.name != RING_SOCKETS)
            && (program.capability.is_basic()
                || options.watched.contains(&program.capability)
                || chosen.dispatch == Dispatch::Full && program.capability == Capability::Dispatch
                || options.files && program.capability == Capability::File)
    };
    TABLE.iter().filter(wanted).map(|program| program.id).collect()
}

fn belongs(program: &Program, hooks: HookList) -> bool {
    program.hooks.is_none_or(|list| list == hooks || list == HookList::Iterator)
}

/// Programs that see what is submitted to `io_uring`.
fn at_submission(program: &str) -> bool {
    matches!(program, "io_uring_submitted" | RING_SOCKETS)
}

/// The one that sees sockets.
const RING_SOCKETS: &str = "socket_change_submitted";

/// Does `io_uring` make sockets? It does from 5.19 on.
pub(crate) fn ring_sockets() -> bool {
    Btf::from_vmlinux().is_ok_and(|kernel| kernel.type_by_name::<Struct<'_>>("io_socket").is_some())
}

/// As its arguments the tracepoint has what every one has, and the request or, before 6.0, the ring and the request: those of kernels that give
/// none have no more than five behind the first.
pub(crate) fn submission() -> Option<&'static str> {
    let kernel = Btf::from_vmlinux().ok()?;
    let arguments = |name: &str| {
        let pointer = kernel.type_by_name::<Typedef<'_>>(&format!("btf_trace_{name}"))?.next_type()?;
        FuncProto::try_from(pointer.next_type()?).ok().map(|function| function.iter().count())
    };
    let gives = |name: &&str| arguments(name).is_some_and(|count| count != 6);
    ["io_uring_submit_req", "io_uring_submit_sqe"].into_iter().find(gives)
}

/// Small tables: where it is about the programs. If memory is short the whole load says so.
pub(crate) fn small(options: &Options) -> Options {
    Options { connections: 16, stamps: 16, security_bytes: 1 << 16, ..options.clone() }
}

/// There are kernels that take no trampoline at all: one says it for all of them.
pub(crate) fn refuses_trampolines(options: &Options, chosen: Chosen) -> bool {
    let one = TABLE.iter().find(|program| chosen.trampolines.takes(program));
    one.is_some_and(|program| {
        open(&small(options), chosen, &[program.id]).and_then(OpenObject::load).is_err()
    })
}

/// The sparse form if this node lets the tracepoints of calls be attached to.
pub(crate) fn dispatch() -> Dispatch {
    if tracefs::works() { Dispatch::Sparse } else { Dispatch::Full }
}

/// Does this kernel preempt a tracepoint's program? It does from 7.0 on, whose `bpf_prog.active` counts in bytes, one for
/// each kind of context; before it was an `int`. A kernel that has the one without the other is served with needless
/// spares, or loses events and counts them.
pub(crate) fn preempted() -> bool {
    Btf::from_vmlinux().is_ok_and(|kernel| active_bits(&kernel) == Some(8))
}

/// Bits of what `bpf_prog.active` points to.
fn active_bits(kernel: &Btf<'_>) -> Option<u8> {
    let program = kernel.type_by_name::<Struct<'_>>("bpf_prog")?;
    let active = program.iter().find(|member| member.name == Some(OsStr::new("active")))?;
    let pointer = kernel.type_by_id::<BtfType<'_>>(active.ty)?;
    let counter = pointer.next_type()?.skip_mods_and_typedefs();
    Int::try_from(counter).ok().map(|counter| counter.bits)
}

/// Loads each program alone and records what the kernel says. Answers which load. With `another` list to try it ends with the first
/// refusal that no capability serves without: the basic programs, of which that is true, are the first.
pub(crate) fn each(
    options: &Options,
    (chosen, another): (Chosen, bool),
    wanted: &[u8],
    programs: &mut [Program],
) -> Result<Vec<u8>, Error> {
    let mut loadable = Vec::new();
    let small = small(options);
    for at in 0..programs.len() {
        let Some(program) = programs.get_mut(at).filter(|program| wanted.contains(&program.id)) else {
            continue;
        };
        match open(&small, chosen, &[program.id]).map_err(Error::Open)?.load() {
            Ok(_) => {
                program.errno = 0;
                loadable.push(program.id);
            }
            Err(error) => {
                program.errno = errno_of(&error);
                program.state = ProgramState::NotLoaded;
                if another && lost(programs, chosen.hooks).is_some() {
                    break;
                }
            }
        }
    }
    Ok(loadable)
}

/// Opens the object with only these programs wanted, its maps sized and its constants set.
pub(crate) fn open(options: &Options, chosen: Chosen, wanted: &[u8]) -> Result<OpenObject, libbpf_rs::Error> {
    let mut object = ObjectBuilder::default().name("guardbee")?.open_memory(OBJECT)?;
    let Chosen { spares, trampolines, .. } = chosen;
    let full = chosen.dispatch == Dispatch::Full;
    let slots = slots()?;
    let has = |capability| {
        TABLE.iter().any(|program| program.capability == capability && wanted.contains(&program.id))
    };
    let uses_trampolines = TABLE
        .iter()
        .any(|program| program.hooks == Some(HookList::Trampoline) && wanted.contains(&program.id));
    for mut map in object.maps_mut() {
        let name = map.name().to_string_lossy().into_owned();
        match name.as_str() {
            "security" => map.set_max_entries(options.security_bytes)?,
            "counters" | "scratches" | "exec_scratches" | "path_scratches" | "connection_ids" => {
                map.set_max_entries(slots)?;
            }
            "connections" | "unix_sockets" => map.set_max_entries(options.connections)?,
            "stamps" | "origins" => map.set_max_entries(options.stamps)?,
            "scopes" => map.set_max_entries(options.scopes)?,
            "taken" | "rescued" | "spare_runs" => map.set_autocreate(spares)?,
            "call_numbers" | "calls" | "calls_again" => map.set_autocreate(full)?,
            "deeds" | "extended_set" | "held_off" => map.set_autocreate(uses_trampolines)?,
            "held_by" => map.set_autocreate(has(Capability::Credentials))?,
            _ if name.ends_with(".rodata.vfs") => set_head(&mut map, trampolines.constants())?,
            _ if name.ends_with(".rodata.config") => set_head(&mut map, options.config(chosen).as_bytes())?,
            _ => {}
        }
    }
    for mut program in object.progs_mut() {
        let loaded = program.name().to_string_lossy().into_owned();
        let is_wanted = |known: &&Program| wanted.contains(&known.id);
        program.set_autoload(TABLE.iter().filter(is_wanted).any(|known| {
            loaded == known.name || spares && known.spares().iter().any(|spare| loaded == *spare)
        }));
        if let Some(function) = trampolines.target(&loaded).filter(|_| program.autoload()) {
            program.set_attach_target(0, Some(function.to_owned()))?;
        }
        if let Some(tracepoint) = chosen.submission.filter(|_| at_submission(&loaded)) {
            program.set_attach_target(0, Some(tracepoint.to_owned()))?;
        }
        if full && program.autoload() && call_of(program.section()).is_some() {
            lead_by_full(&mut program)?;
        }
    }
    Ok(object)
}

/// Sets the constant that a section holds. The linker keeps the section of each source; the constant lies in the first.
fn set_head(map: &mut OpenMapMut<'_>, constant: &[u8]) -> Result<(), libbpf_rs::Error> {
    let mut bytes = map.initial_value().unwrap_or_default().to_vec();
    if let Some(head) = bytes.get_mut(..constant.len()) {
        head.copy_from_slice(constant);
    }
    map.set_initial_value(&bytes)
}

/// A program is called by another only if both are of one kind and attached to the same.
fn lead_by_full(program: &mut OpenProgramMut<'_>) -> Result<(), libbpf_rs::Error> {
    program.set_prog_type(ProgramType::Tracing);
    program.set_attach_type(ProgramAttachType::TraceRawTp);
    program.set_attach_target(0, Some("sys_exit".to_owned()))
}

/// The call that a program of this section is for.
pub(crate) fn call_of(section: &OsStr) -> Option<&str> {
    section.to_str()?.strip_prefix("tp/syscalls/sys_exit_")
}

/// Where each program of the object is attached, by its name: `tp_btf/sock_send_length`, `iter/task_file`.
pub fn hooks() -> Result<Vec<(String, String)>, Error> {
    let object = ObjectBuilder::default().name("guardbee").and_then(|builder| builder.open_memory(OBJECT));
    let text = |name: &OsStr| name.to_string_lossy().into_owned();
    Ok(object
        .map_err(Error::Open)?
        .progs()
        .map(|program| (text(program.name()), text(program.section())))
        .collect())
}

/// Counter slots: the kernel's CPU numbers may have holes, so all possible ones.
pub(crate) fn slots() -> Result<u32, libbpf_rs::Error> {
    let slots = libbpf_rs::num_possible_cpus()?.saturating_mul(CONTEXTS);
    Ok(u32::try_from(slots).unwrap_or(u32::MAX))
}

/// Has every capability all its programs? The payload of 5.10 is whole without the rare calls.
pub(crate) fn all_served(programs: &[Program], hooks: HookList) -> bool {
    lost(programs, hooks).is_none()
}

/// Programs without which a capability still serves: calls that hardly anybody makes on a stream.
const OPTIONAL: [&str; 5] = ["net_recvmmsg", "net_sendmmsg", "net_preadv2", "net_pwritev2", "net_sendfile"];

fn lost(programs: &[Program], hooks: HookList) -> Option<&Program> {
    programs.iter().find(|program| {
        belongs(program, hooks)
            && program.errno != 0
            && program.capability.is_basic()
            && program.capability != Capability::Iterate
            && !OPTIONAL.contains(&program.name)
    })
}

/// Says which capability is lost.
pub(crate) fn refusal(programs: &[Program], hooks: HookList) -> Error {
    lost(programs, hooks).map_or(Error::Missing("program"), |program| Error::Refused {
        capability: program.capability,
        program: program.name,
        errno: program.errno,
    })
}

/// libbpf-rs keeps the number to itself but prints it: `... (os error 22)`.
pub(crate) fn errno_of(error: &libbpf_rs::Error) -> i32 {
    let text = format!("{error:#}");
    let number = text.rsplit_once("os error ").map(|(_, rest)| rest.trim_end_matches(')').parse());
    number.and_then(Result::ok).unwrap_or(-1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_kernel_says_how_it_counts_what_is_active() {
        let bits = active_bits(&Btf::from_vmlinux().unwrap());
        assert!(matches!(bits, Some(8 | 32)), "{bits:?}");
    }
}
