//! Loading, attaching, reading: everything that needs privileges.
mod lead;
mod policy;

use crate::{
    Capability, Dispatch, Error, OBJECT, Options, Program, deeds, dispatch,
    program::PROGRAMS as TABLE,
    tracefs,
    trampoline::{self, Trampolines},
    trial::{self, Chosen},
};
use guardbee_wire::{CounterSlot, HookList, PROGRAMS, ProgramState, Wants, WatchKey};
use lead::Leads;
use libbpf_rs::{Link, MapCore as _, MapFlags, MapHandle, MapType, Object, TracepointCategory, libbpf_sys};
use rustix::process::{Resource, Rlimit, setrlimit};
use sha2::{Digest as _, Sha256};
use std::{
    fs::File,
    io::{self, Read as _},
    iter,
    mem::size_of,
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
};
use zerocopy::{FromBytes as _, IntoBytes as _};

/// The loaded kernel half. Dropping it leaves no link, program or map.
#[derive(Debug)]
pub struct Kernel {
    // Before the object: a link must not outlive it (5.10 crashes in libbpf otherwise).
    links: Vec<(u8, Link)>,
    leads: Leads,
    security: MapHandle,
    payload: Vec<MapHandle>,
    counters: MapHandle,
    own: MapHandle,
    object: Object,
    programs: Vec<Program>,
    chosen: Chosen,
    slots: u32,
    /// What is wanted of files.
    wants: Wants,
    /// Where files may be changed so that trampolines fire; none: there is no such program.
    folder: Option<OwnedFd>,
}

impl Kernel {
    /// Loads the programs, by the best list of hooks that this kernel takes. Decided by trial, never by version: first
    /// a whole list at once, which is quick; if it is refused each program alone, which says why.
    pub fn load(options: &Options) -> Result<Self, Error> {
        options.check()?;
        // Kernels before 5.11 charge maps to this limit. Without CAP_SYS_RESOURCE it stays, and the load says so.
        setrlimit(Resource::Memlock, Rlimit { current: None, maximum: None }).ok();
        libbpf_rs::set_print(None);
        let lists = match options.hooks {
            None | Some(HookList::Iterator | HookList::Trampoline) => {
                vec![HookList::Tracepoint6_3, HookList::Tracepoint5_10]
            }
            Some(list) => vec![list],
        };
        let spares = options.spares.unwrap_or_else(trial::preempted);
        let dispatch = options.dispatch.unwrap_or_else(trial::dispatch);
        let wants_trampolines =
            options.files && options.trampolines.unwrap_or_else(|| options.hooks.is_none());
        let mut trampolines = if wants_trampolines { Trampolines::find() } else { Trampolines::default() };
        let (submission, ring_sockets) = (trial::submission(), trial::ring_sockets());
        let mut programs = Vec::new();
        for &hooks in &lists {
            // What a list was refused for says nothing of the next one: what only that has is then unused.
            programs = TABLE.to_vec();
            let mut chosen = Chosen { hooks, spares, trampolines, dispatch, submission, ring_sockets };
            let mut wanted = trial::programs_of(chosen, options);
            let mut whole = Self::load_these(options, chosen, &wanted, programs.clone());
            if whole.is_err() && trial::refuses_trampolines(options, chosen) {
                trampolines = Trampolines::default();
                chosen.trampolines = trampolines;
                wanted = trial::programs_of(chosen, options);
                whole = Self::load_these(options, chosen, &wanted, programs.clone());
            }
            if let Ok(kernel) = whole {
                return Ok(kernel);
            }
            let another = Some(&hooks) != lists.last();
            let loadable = trial::each(options, (chosen, another), &wanted, &mut programs)?;
            if trial::all_served(&programs, hooks) {
                let chosen = Chosen { trampolines: trampolines.among(&loadable), ..chosen };
                return Self::load_these(options, chosen, &loadable, programs)
                    .map_err(|source| Error::Load { map_bytes: options.map_bytes(), source });
            }
        }
        Err(trial::refusal(&programs, lists.last().copied().unwrap_or(HookList::Tracepoint5_10)))
    }

    fn load_these(
        options: &Options,
        chosen: Chosen,
        wanted: &[u8],
        mut programs: Vec<Program>,
    ) -> Result<Self, libbpf_rs::Error> {
        let object = trial::open(options, chosen, wanted)?.load()?;
        for program in programs.iter_mut().filter(|program| wanted.contains(&program.id)) {
            program.state = ProgramState::NotAttached;
        }
        let kernel = Self {
            links: Vec::new(),
            leads: Leads::default(),
            security: map(&object, "security")?,
            payload: payload_rings(&object, options)?,
            counters: map(&object, "counters")?,
            own: map(&object, "own")?,
            object,
            programs,
            chosen,
            slots: trial::slots()?,
            wants: Wants::default(),
            folder: chosen.trampolines.tell_changes().then(|| trampoline::folder().ok()).flatten(),
        };
        kernel.update_own(&options.own)?;
        kernel.store_datagrams(|capability| options.watched.contains(&capability))?;
        kernel.store_told()?;
        kernel.counters.freeze()?;
        Ok(kernel)
    }

    /// Attaches what is loaded. A program that the kernel does not attach is recorded; fatal only when its capability
    /// is lost.
    pub fn attach(&mut self) -> Result<(), Error> {
        self.attach_where(|_, _| true)
    }

    /// Attaches what of it is wanted, by program and copy: 0 is the program itself, 1 and 2 are its spares. A spare does
    /// for one that is left out what it does for one that the kernel refuses.
    pub fn attach_where(&mut self, wanted: impl Fn(&Program, usize) -> bool) -> Result<(), Error> {
        if self.chosen.dispatch == Dispatch::Sparse {
            tracefs::mounted();
        }
        for at in 0..self.programs.len() {
            // Those that lead to others are attached as these need it.
            let loaded = |program: &Program| {
                program.state == ProgramState::NotAttached && program.capability != Capability::Dispatch
            };
            let Some(program) = self.programs.get(at).copied().filter(loaded) else { continue };
            if self.chosen.trampolines.idle(&program) {
                self.set_state(at, ProgramState::Unused, 0);
                continue;
            }
            self.attach_program(at, &program, |copy| wanted(&program, copy))?;
        }
        self.try_trampolines()?;
        self.note_leading();
        if trial::all_served(&self.programs, self.chosen.hooks) {
            return Ok(());
        }
        self.links.clear();
        self.leads = Leads::default();
        Err(trial::refusal(&self.programs, self.chosen.hooks))
    }

    fn attach_program(
        &mut self,
        at: usize,
        program: &Program,
        wanted: impl Fn(usize) -> bool,
    ) -> Result<(), Error> {
        // The kernel runs them in the order in which they were attached.
        let spares = if self.chosen.spares { program.spares() } else { &[] };
        let (mut links, mut errno, mut tried) = (Vec::new(), 0, false);
        let names = iter::once(program.name).chain(spares.iter().copied()).enumerate();
        for (_, name) in names.filter(|(copy, _)| wanted(*copy)) {
            let Some(loaded) = self.object.progs_mut().find(|loaded| loaded.name() == name) else {
                return Err(Error::Missing(name));
            };
            tried = true;
            let left = self.chosen.trampolines.left(program);
            let calls = left.as_deref().unwrap_or_else(|| program.calls());
            let attached: Vec<_> = match (self.chosen.dispatch, trial::call_of(loaded.section())) {
                (Dispatch::Full, Some(call)) => {
                    let calls = if calls.is_empty() { &[call][..] } else { calls };
                    for call in calls.iter().filter_map(|call| dispatch::call(call)) {
                        let lead = self.leads.enter(&self.object, (program.id, loaded.as_fd()), call);
                        errno = lead.map_or_else(|error| trial::errno_of(&error), |()| errno);
                    }
                    Vec::new()
                }
                _ if calls.is_empty() => vec![loaded.attach()],
                _ => calls
                    .iter()
                    .filter(|call| tracefs::has(call))
                    .map(|call| {
                        loaded.attach_tracepoint(TracepointCategory::Syscalls, format!("sys_exit_{call}"))
                    })
                    .collect(),
            };
            for one in attached {
                match one {
                    Ok(link) => links.push((program.id, link)),
                    Err(error) => errno = trial::errno_of(&error),
                }
            }
        }
        let refused = links.is_empty() && !self.leads.has(program.id);
        if tried && refused && errno == 0 {
            errno = rustix::io::Errno::NOENT.raw_os_error();
        }
        self.set_state(at, if refused { ProgramState::NotAttached } else { ProgramState::Silent }, errno);
        self.links.extend(links);
        if refused && program.hooks == Some(HookList::Trampoline) {
            self.do_without_trampoline(program)
        } else {
            Ok(())
        }
    }

    /// Trampolines that have been attached must fire, or the calls' tracepoints do their work.
    fn try_trampolines(&mut self) -> Result<(), Error> {
        let before = self.fired();
        // Whatever these give: the programs have run behind them.
        File::open("/").ok();
        if let Some(folder) = &self.folder {
            deeds::changes(folder);
        }
        let after = self.fired();
        let runs = before.iter().zip(after);
        let silent: Vec<_> = (0_u8..).zip(runs).filter(|(_, (before, after))| *before == after).collect();
        for program in self.programs.clone() {
            let is_silent = silent.iter().any(|(id, _)| *id == program.id);
            if is_silent && program.state == ProgramState::Silent && self.chosen.trampolines.takes(&program) {
                self.do_without_trampoline(&program)?;
            }
        }
        Ok(())
    }

    /// The calls' tracepoints do its work, and that of those which are nothing without it.
    fn do_without_trampoline(&mut self, refused: &Program) -> Result<(), Error> {
        let instead = self.chosen.trampolines.give_up(refused);
        let refused = |source| Error::Map { action: "set", map: "told", source };
        self.store_told().map_err(refused)?;
        for at in 0..self.programs.len() {
            let Some(program) = self.programs.get(at).copied() else { continue };
            if self.chosen.trampolines.idle(&program) && program.state != ProgramState::NotLoaded {
                self.detach(program.id)?;
                self.set_state(at, ProgramState::Unused, 0);
            }
        }
        let place = self.programs.iter().position(|program| Some(program.name) == instead);
        let Some((at, program)) = place.and_then(|at| Some((at, *self.programs.get(at)?))) else {
            return Ok(());
        };
        self.detach(program.id)?;
        self.attach_program(at, &program, |_| true)
    }

    fn is_attached(&self, program: u8) -> bool {
        self.links.iter().any(|(id, _)| *id == program) || self.leads.has(program)
    }

    fn detach(&mut self, program: u8) -> Result<(), Error> {
        self.links.retain(|(id, _)| *id != program);
        let refused = |source| Error::Map { action: "clear", map: "calls", source };
        self.leads.leave(&self.object, program).map_err(refused)
    }

    /// Which of the programs at the end of all calls are attached.
    fn note_leading(&mut self) {
        let leads = &self.leads;
        let loaded = |program: &&mut Program| {
            program.capability == Capability::Dispatch && program.state != ProgramState::NotLoaded
        };
        for program in self.programs.iter_mut().filter(loaded) {
            let leading = leads.is_leading(program.name);
            program.state = if leading { ProgramState::Silent } else { ProgramState::Unused };
        }
    }

    fn set_state(&mut self, at: usize, state: ProgramState, errno: i32) {
        if let Some(program) = self.programs.get_mut(at) {
            (program.state, program.errno) = (state, errno);
        }
    }

    /// Which of the optional capabilities are wanted from now on: a set of their bits. What isn't is detached, and costs
    /// nobody anything; what is, and was detached, is attached again, as far as the privileges go that are left. The
    /// programs of file events are none of these: see [`Self::want`].
    pub fn watch(&mut self, wanted: u32) -> Result<(), Error> {
        let refused = |source| Error::Map { action: "set", map: "datagrams", source };
        self.store_datagrams(|capability| wanted & capability.bit() != 0).map_err(refused)?;
        self.keep_attached(|program| {
            let bit = program.capability.bit();
            (bit != 0).then_some(wanted & bit != 0)
        })
    }

    /// Detaches what isn't needed and attaches what is and isn't attached. `None`: not to be touched. What the kernel refuses
    /// is recorded.
    fn keep_attached(&mut self, needed: impl Fn(&Program) -> Option<bool>) -> Result<(), Error> {
        for at in 0..self.programs.len() {
            let Some(program) = self.programs.get(at).copied() else { continue };
            let Some(needed) = needed(&program) else { continue };
            let needed = needed && !self.chosen.trampolines.idle(&program);
            let attached = self.is_attached(program.id);
            if needed && !attached && program.state != ProgramState::NotLoaded {
                self.attach_program(at, &program, |_| true)?;
            } else if !needed && attached {
                self.detach(program.id)?;
                self.set_state(at, ProgramState::Unused, 0);
            }
        }
        self.note_leading();
        Ok(())
    }

    /// Which file events and variables are wanted from now on, and the watch list: for which kinds (as in [`Wants`]) a name is on it. What
    /// none of them needs is detached; what is needed and isn't attached is tried, and its errno is in [`Self::programs`]. No event
    /// is lost in between that both the old and the new wants ask for: first more is looked at, last less.
    pub fn want(&mut self, wants: &Wants, names: &[(WatchKey, u32)]) -> Result<(), Error> {
        let refused = |action, map| move |source| Error::Map { action, map, source };
        let wide = Wants {
            all: self.wants.kinds() & wants.kinds(),
            attributes: self.wants.attributes & wants.attributes,
            variables: self.wants.variables & wants.variables,
            given: self.wants.given & wants.given,
            errors: self.wants.errors & wants.errors,
            ..Wants::default()
        };
        self.store_wants(&wide).map_err(refused("widen", "wants"))?;
        self.store_names(names).map_err(refused("fill", "watched"))?;
        self.keep_attached(|program| program.is_wanted(wants))?;
        self.store_wants(wants).map_err(refused("narrow", "wants"))?;
        self.wants = *wants;
        Ok(())
    }

    /// `enum datagram_watch`.
    fn store_datagrams(&self, wanted: impl Fn(Capability) -> bool) -> Result<(), libbpf_rs::Error> {
        let watched = u64::from(wanted(Capability::Dns)) | u64::from(wanted(Capability::Datagram)) << 1;
        self.store(".data.datagrams", watched.as_bytes())
    }

    fn store_told(&self) -> Result<(), libbpf_rs::Error> {
        self.store(".data.told", self.chosen.trampolines.kinds_of_left().as_bytes())
    }

    fn store_wants(&self, wants: &Wants) -> Result<(), libbpf_rs::Error> {
        self.store(".data.wants", wants.as_bytes())
    }

    /// Sets the variable that a section of data holds.
    fn store(&self, section: &str, bytes: &[u8]) -> Result<(), libbpf_rs::Error> {
        let data = self.object.maps().find(|map| map.name().to_string_lossy().ends_with(section));
        let missing = || libbpf_rs::Error::from(io::Error::from(io::ErrorKind::NotFound));
        let data = data.ok_or_else(missing)?;
        // The linker keeps the section of each source; the variable lies in the first.
        let size = usize::try_from(data.value_size()).unwrap_or_default();
        let bytes: Vec<u8> = bytes.iter().copied().cycle().take(size).collect();
        data.update(0_u32.as_bytes(), &bytes, MapFlags::ANY)
    }

    fn store_names(&self, names: &[(WatchKey, u32)]) -> Result<(), libbpf_rs::Error> {
        let watched = map(&self.object, "watched")?;
        let wanted = |key: &Vec<u8>| names.iter().any(|(name, _)| name.as_bytes() == key);
        let stale: Vec<_> = watched.keys().filter(|key| !wanted(key)).collect();
        for key in stale {
            watched.delete(&key)?;
        }
        names
            .iter()
            .try_for_each(|(key, kinds)| watched.update(key.as_bytes(), kinds.as_bytes(), MapFlags::ANY))
    }

    /// The list of hooks in use.
    pub fn hooks(&self) -> HookList {
        self.chosen.hooks
    }

    /// The function at which a trampoline looks at opened files; [`None`]: the calls' tracepoints do it.
    pub fn trampoline(&self) -> Option<&'static str> {
        self.chosen.trampolines.opener()
    }

    /// What is told of files by trampolines, where the kernel does it, and what at the ends of calls: by names of calls.
    pub fn told_by_trampolines(&self) -> (Vec<&'static str>, Vec<&'static str>) {
        self.chosen.trampolines.told()
    }

    /// A file system that nobody else sees, where [`crate::change_files`] makes trampolines fire; [`None`]: there are none.
    pub fn folder(&self) -> Option<BorrowedFd<'_>> {
        self.folder.as_ref().map(|folder| folder.as_fd())
    }

    /// How the programs of calls are led to them.
    pub fn dispatch(&self) -> Dispatch {
        self.chosen.dispatch
    }

    /// Have the programs spares behind them?
    pub fn spares(&self) -> bool {
        self.chosen.spares
    }

    /// All programs that there are, used or not.
    pub fn programs(&self) -> &[Program] {
        &self.programs
    }

    /// Runs that passed their guard, by program, over all CPUs and contexts.
    pub fn fired(&self) -> [u64; PROGRAMS] {
        let mut sum = [0_u64; PROGRAMS];
        for slot in self.counter_slots() {
            for (sum, fired) in sum.iter_mut().zip(slot.fired) {
                *sum = sum.wrapping_add(fired);
            }
        }
        sum
    }

    /// Runs of the two spares of each program, over all CPUs.
    pub fn spare_runs(&self) -> [[u64; 2]; PROGRAMS] {
        std::array::from_fn(|program| [0, 1].map(|copy| self.sum("spare_runs", 2 * program + copy)))
    }

    /// Over all CPUs; zero where what would count in this map is not loaded.
    fn sum(&self, map: &str, index: usize) -> u64 {
        let key = u32::try_from(index).unwrap_or(u32::MAX);
        let map = self.object.maps().find(|found| found.name() == map);
        let counts = map.and_then(|map| map.lookup_percpu(key.as_bytes(), MapFlags::ANY).ok().flatten());
        counts.iter().flatten().filter_map(|count| u64::read_from_bytes(count).ok()).sum()
    }

    /// A copy of all counters; the slot of a CPU and context is at `cpu * CONTEXTS + context`.
    pub fn counter_slots(&self) -> Vec<CounterSlot> {
        let read = |index: u32| {
            let bytes = self.counters.lookup(index.as_bytes(), MapFlags::ANY).ok().flatten()?;
            CounterSlot::read_from_bytes(&bytes).ok()
        };
        (0..self.slots).map(|index| read(index).unwrap_or_default()).collect()
    }

    /// The ring of lineage and security.
    pub fn security_ring(&self) -> BorrowedFd<'_> {
        self.security.as_fd()
    }

    /// The payload rings, in their order.
    pub fn payload_rings(&self) -> Vec<BorrowedFd<'_>> {
        self.payload.iter().map(|ring| ring.as_fd()).collect()
    }

    /// The array of [`CounterSlot`], to be mapped read-only.
    pub fn counters(&self) -> BorrowedFd<'_> {
        self.counters.as_fd()
    }

    /// Slots in [`Self::counters`]: possible CPUs times contexts.
    pub fn slots(&self) -> u32 {
        self.slots
    }

    /// Says which processes are the sensor's own, in place of those named before.
    pub fn set_own(&self, tgids: &[u32]) -> Result<(), Error> {
        self.update_own(tgids).map_err(|source| Error::Map { action: "update", map: "own", source })
    }

    fn update_own(&self, tgids: &[u32]) -> Result<(), libbpf_rs::Error> {
        let wanted = |key: &Vec<u8>| tgids.iter().any(|tgid| tgid.as_bytes() == key);
        let stale: Vec<_> = self.own.keys().filter(|key| !wanted(key)).collect();
        for key in stale {
            self.own.delete(&key)?;
        }
        for tgid in tgids {
            self.own.update(tgid.as_bytes(), &[1], MapFlags::ANY)?;
        }
        Ok(())
    }

    /// An iterator whose bytes are `EVENT_PROCESS` records, one for each process. Reading it needs no privilege.
    pub fn iterate_processes(&self) -> Result<OwnedFd, Error> {
        self.iterate("iter_task")
    }

    /// An iterator whose bytes are `EVENT_SOCKET` records, one for each pair of process and socket, over all network
    /// namespaces. Listening sockets are entered before it returns, connections while it is read.
    pub fn iterate_sockets(&self) -> Result<OwnedFd, Error> {
        let program = "iter_listener";
        let mut listeners = File::from(self.iterate(program)?);
        let mut sink = Vec::new();
        listeners.read_to_end(&mut sink).map_err(|source| Error::Iterate { program, source })?;
        self.iterate("iter_socket")
    }

    fn iterate(&self, name: &'static str) -> Result<OwnedFd, Error> {
        let link = self
            .programs
            .iter()
            .find(|program| program.name == name)
            .and_then(|program| self.links.iter().find(|(id, _)| *id == program.id));
        let Some((_, link)) = link else {
            return Err(Error::NoIterator(name));
        };
        #[expect(unsafe_code, reason = "libbpf-rs keeps the fd of its iterator to itself")]
        // SAFETY: bpf_iter_create takes any fd by value and answers with a new one of ours, or a negative number.
        unsafe {
            let fd = libbpf_sys::bpf_iter_create(link.as_fd().as_raw_fd());
            if fd < 0 {
                return Err(Error::Iterate { program: name, source: io::Error::last_os_error() });
            }
            Ok(OwnedFd::from_raw_fd(fd))
        }
    }

    /// Events that are lost because the kernel refused a program, by program: it interrupted itself or, from 7.0 on, another
    /// task was preempted in it. Counted from 5.12 on. And those of trampolines that found another one preempted.
    pub fn recursion_misses(&self) -> [u64; PROGRAMS] {
        let mut lost = [0_u64; PROGRAMS];
        for loaded in self.object.progs_mut() {
            let known = self.programs.iter().find(|program| loaded.name() == program.name);
            if let Some(lost) = known.and_then(|program| lost.get_mut(usize::from(program.id))) {
                *lost = misses(loaded.as_fd());
            }
        }
        // Asked for afterwards: what is refused at this moment may be taken up in the next.
        let rescued = self.object.maps().find(|map| map.name() == "rescued").filter(|_| self.chosen.spares);
        for (program, lost) in (0_u32..).zip(&mut lost).filter(|(_, lost)| **lost > 0) {
            let bytes =
                rescued.as_ref().and_then(|map| map.lookup(program.as_bytes(), MapFlags::ANY).ok()?);
            let count = bytes.and_then(|bytes| u64::read_from_bytes(&bytes).ok()).unwrap_or_default();
            *lost = lost.saturating_sub(count);
        }
        for (program, lost) in lost.iter_mut().enumerate() {
            *lost = lost.saturating_add(self.sum("held_off", program));
        }
        lost
    }

    /// SHA-256 of the object that these programs come from.
    pub fn object_hash(&self) -> [u8; 32] {
        Sha256::digest(OBJECT).into()
    }
}

fn map(object: &Object, name: &str) -> Result<MapHandle, libbpf_rs::Error> {
    let missing =
        || libbpf_rs::Error::from(io::Error::new(io::ErrorKind::NotFound, format!("no map {name}")));
    MapHandle::try_from(&object.maps().find(|map| map.name() == name).ok_or_else(missing)?)
}

/// Makes the payload rings and enters them into the map of maps.
fn payload_rings(object: &Object, options: &Options) -> Result<Vec<MapHandle>, libbpf_rs::Error> {
    let outer = map(object, "payload")?;
    let create = libbpf_sys::bpf_map_create_opts {
        sz: size_of::<libbpf_sys::bpf_map_create_opts>() as libbpf_sys::size_t,
        ..Default::default()
    };
    let mut rings = Vec::new();
    for index in 0..options.payload_rings {
        let ring =
            MapHandle::create(MapType::RingBuf, Some("payload"), 0, 0, options.payload_bytes, &create)?;
        outer.update(index.as_bytes(), ring.as_fd().as_raw_fd().as_bytes(), MapFlags::ANY)?;
        rings.push(ring);
    }
    Ok(rings)
}

fn misses(program: BorrowedFd<'_>) -> u64 {
    let mut info = libbpf_sys::bpf_prog_info::default();
    let mut length = u32::try_from(size_of::<libbpf_sys::bpf_prog_info>()).unwrap_or_default();
    #[expect(
        unsafe_code,
        reason = "libbpf-rs gives this by walking all programs of the system, which needs CAP_SYS_ADMIN"
    )]
    // SAFETY: the kernel writes at most `length` bytes into `info`, which has that many and no invalid value.
    let failed =
        unsafe { libbpf_sys::bpf_prog_get_info_by_fd(program.as_raw_fd(), &raw mut info, &raw mut length) };
    if failed == 0 { info.recursion_misses } else { 0 }
}
