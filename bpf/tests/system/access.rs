//! What a process does to another one, signals aside.
use super::{call, child, of, sleeper, watch};
use crate::watch::{Record, ways};
use guardbee_bpf::Capability;
use guardbee_wire::{AccessEvent, AccessKind, Call, EventKind, FdKind, StringId};
use std::{os::unix::process::CommandExt as _, process::Command};

#[test]
fn what_reaches_into_another_process_names_it() {
    for way in &ways() {
        let watch = watch(way, Capability::Access);
        let mut victim = sleeper();
        let target = victim.id();
        let pid = child(move || {
            call(libc::SYS_ptrace, i64::from(libc::PTRACE_SEIZE), i64::from(target), 0, 0, 0)?;
            let pidfd = call(libc::SYS_pidfd_open, i64::from(target), 0, 0, 0, 0)?;
            call(libc::SYS_pidfd_getfd, pidfd, 0, 0, 0, 0)?;
            Ok(())
        });
        victim.kill().unwrap();
        victim.wait().unwrap();
        let records = of(&watch, EventKind::Access, pid);
        let events: Vec<AccessEvent> = records.iter().map(Record::fixed).collect();
        assert_eq!(events.len(), 2, "{events:?}");
        assert!(events.iter().all(|event| event.target.process.tgid == target), "{events:?}");
        assert_eq!(
            (events[0].access, events[0].call.call),
            (AccessKind::Attached as u8, Call::Ptrace as u16)
        );
        assert_eq!(events[1].access, AccessKind::Descriptor as u8);
        assert_ne!(events[1].fd.kind, FdKind::Closed as u8);
        assert_eq!(records[0].text::<AccessEvent>(StringId::Target), "sleep");
    }
}

#[test]
fn memory_of_another_process_is_read_and_written() {
    let watch = watch(&ways()[0], Capability::Access);
    let place = Box::leak(Box::new(7_u64));
    let (target, remote) = (std::process::id(), std::ptr::from_mut(place) as u64);
    let pid = child(move || {
        let mut word = 0_u64;
        let local = [std::ptr::from_mut(&mut word) as u64, 8];
        let there = [remote, 8];
        let (local, there) = (local.as_ptr() as i64, there.as_ptr() as i64);
        call(libc::SYS_process_vm_readv, i64::from(target), local, 1, there, 1)?;
        call(libc::SYS_process_vm_writev, i64::from(target), local, 1, there, 1)?;
        Ok(())
    });
    let events: Vec<AccessEvent> = of(&watch, EventKind::Access, pid).iter().map(Record::fixed).collect();
    let seen: Vec<_> =
        events.iter().map(|event| (event.access, event.bytes, event.target.process.tgid)).collect();
    assert_eq!(seen, [(AccessKind::Read as u8, 8, target), (AccessKind::Wrote as u8, 8, target)]);
}

#[test]
fn limits_and_schedules_of_another_process_are_told() {
    /// Of all users one that nothing else runs as.
    const USER: u32 = 64_999;
    for way in &ways() {
        let watch = watch(way, Capability::Access);
        let mut victims = [sleeper(), Command::new("sleep").arg("60").uid(USER).spawn().unwrap()];
        let target = victims[0].id();
        let pid = child(move || {
            let (other, limits) = (i64::from(target), [64_u64; 2]);
            let (mut old, everywhere, zero) = ([0_u64; 2], [u64::MAX; 16], [0_u64]);
            // Of 48 bytes: SCHED_BATCH.
            let mut batch = [0_u32; 12];
            batch[..2].copy_from_slice(&[48, 3]);
            let limits = limits.as_ptr() as i64;
            let files = i64::from(libc::RLIMIT_NOFILE);
            // It asks, and sets its own: nobody's affair.
            call(libc::SYS_prlimit64, other, files, 0, old.as_mut_ptr() as i64, 0)?;
            call(libc::SYS_prlimit64, 0, files, limits, 0, 0)?;
            call(libc::SYS_setpriority, 0, 0, 5, 0, 0)?;
            call(libc::SYS_sched_setaffinity, 0, 128, everywhere.as_ptr() as i64, 0, 0)?;

            call(libc::SYS_prlimit64, other, files, limits, 0, 0)?;
            call(libc::SYS_setpriority, 0, other, 5, 0, 0)?;
            call(libc::SYS_ioprio_set, 1, other, 3 << 13, 0, 0)?;
            call(libc::SYS_sched_setaffinity, other, 128, everywhere.as_ptr() as i64, 0, 0)?;
            call(libc::SYS_sched_setscheduler, other, 3, zero.as_ptr() as i64, 0, 0)?;
            call(libc::SYS_sched_setparam, other, zero.as_ptr() as i64, 0, 0, 0)?;
            call(libc::SYS_sched_setattr, other, batch.as_ptr() as i64, 0, 0, 0)?;
            call(libc::SYS_setpriority, 2, i64::from(USER), 5, 0, 0)?;
            Ok(())
        });
        for victim in &mut victims {
            victim.kill().unwrap();
            victim.wait().unwrap();
        }
        let events: Vec<AccessEvent> = of(&watch, EventKind::Access, pid).iter().map(Record::fixed).collect();
        let seen: Vec<_> =
            events.iter().map(|event| (event.access, event.call.call, event.target.process.tgid)).collect();
        let scheduled = |call: Call| (AccessKind::Scheduled as u8, call as u16, target);
        let expected = [
            (AccessKind::Limited as u8, Call::Prlimit64 as u16, target),
            scheduled(Call::Setpriority),
            scheduled(Call::IoprioSet),
            scheduled(Call::SchedSetaffinity),
            scheduled(Call::SchedSetscheduler),
            scheduled(Call::SchedSetparam),
            scheduled(Call::SchedSetattr),
            (AccessKind::Scheduled as u8, Call::Setpriority as u16, 0),
        ];
        assert_eq!(seen, expected, "{events:?}");
        assert_eq!(events[7].call.arguments[..2], [2, u64::from(USER)]);
    }
}
