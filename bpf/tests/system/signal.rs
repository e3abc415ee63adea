//! Signals that end or stop another process, and those that don't.
use super::{call, child, of, one, sleeper, watch};
use crate::watch::{Record, Watch, ways};
use guardbee_bpf::Capability;
use guardbee_wire::{EventKind, SignalEvent, StringId};
use std::{
    io::Read as _,
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

#[test]
fn a_signal_to_another_process_is_told() {
    for way in &ways() {
        let watch = watch(way, Capability::Signal);
        let mut victim = sleeper();
        let target = victim.id();
        let pid = child(move || {
            call(libc::SYS_kill, i64::from(target), 0, 0, 0, 0)?;
            call(libc::SYS_kill, i64::from(target), i64::from(libc::SIGCONT), 0, 0, 0)?;
            call(libc::SYS_kill, i64::from(target), i64::from(libc::SIGTERM), 0, 0, 0)?;
            Ok(())
        });
        victim.wait().unwrap();
        let record = one(&watch, EventKind::Signal, pid);
        let event: SignalEvent = record.fixed();
        assert_eq!((event.signal, event.code, event.target.process.tgid), (15, 0, target));
        assert_eq!(record.text::<SignalEvent>(StringId::Target), "sleep");
    }
}

/// Those that a process has sent: number and code.
fn signals(watch: &Watch, pid: u32) -> Vec<(u16, i32)> {
    let records = of(watch, EventKind::Signal, pid);
    records.iter().map(Record::fixed).map(|event: SignalEvent| (event.signal, event.code)).collect()
}

/// A shell that has said that it waits, with these commands before.
fn prepared(commands: &str) -> Child {
    let script = format!("{commands}\necho; while :; do read -r line || exit 0; done");
    let mut command = Command::new("bash");
    let command = command.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = [0];
    child.stdout.as_mut().unwrap().read_exact(&mut line).unwrap();
    child
}

/// What only ends who has no handler for it is told of those alone.
#[test]
fn a_signal_that_is_handled_is_not_told() {
    for way in &ways() {
        let watch = watch(way, Capability::Signal);
        let all = [
            libc::SIGTTIN,
            libc::SIGUSR1,
            libc::SIGBUS,
            libc::SIGURG,
            libc::SIGCHLD,
            libc::SIGWINCH,
            libc::SIGRTMIN() + 5,
        ];
        let send = move |target: u32| {
            child(move || {
                all.iter().try_for_each(|signal| {
                    call(libc::SYS_kill, i64::from(target), i64::from(*signal), 0, 0, 0).map(drop)
                })
            })
        };
        let mut ignoring = prepared("trap '' TTIN USR1 BUS RTMIN+5");
        let mut handling = prepared("trap : TTIN USR1 BUS RTMIN+5");
        for target in [&ignoring, &handling] {
            assert_eq!(signals(&watch, send(target.id())), []);
        }
        for target in [&mut ignoring, &mut handling] {
            drop(target.stdin.take());
            assert!(target.wait().unwrap().success());
        }
    }
}

#[test]
fn every_signal_that_ends_or_stops_is_told() {
    for way in &ways() {
        let watch = watch(way, Capability::Signal);
        let stopping = [libc::SIGTTIN, libc::SIGTTOU];
        let ending = [libc::SIGBUS, libc::SIGUSR1, libc::SIGSYS, libc::SIGRTMIN() + 5, libc::SIGRTMAX()];
        for signal in stopping.into_iter().chain(ending) {
            let mut victim = sleeper();
            let target = i64::from(victim.id());
            let pid = child(move || call(libc::SYS_kill, target, i64::from(signal), 0, 0, 0).map(drop));
            assert_eq!(signals(&watch, pid), [(u16::try_from(signal).unwrap(), 0)]);
            if stopping.contains(&signal) {
                victim.kill().unwrap();
            }
            let status = victim.wait().unwrap();
            assert_eq!(
                status.signal(),
                Some(if stopping.contains(&signal) { libc::SIGKILL } else { signal })
            );
        }
    }
}

/// Whoever waits for signals blocks them: nothing ends it.
#[test]
fn a_signal_that_is_blocked_is_not_told() {
    let watch = watch(&ways()[0], Capability::Signal);
    let mut command = Command::new("sleep");
    // SAFETY: system calls alone.
    unsafe {
        command.arg("60").pre_exec(|| {
            let all = [u64::MAX];
            call(libc::SYS_rt_sigprocmask, i64::from(libc::SIG_SETMASK), all.as_ptr() as i64, 0, 8, 0)
                .map(drop)
        });
    }
    let mut victim = command.spawn().unwrap();
    let target = i64::from(victim.id());
    let pid = child(move || {
        call(libc::SYS_kill, target, i64::from(libc::SIGUSR1), 0, 0, 0)?;
        call(libc::SYS_kill, target, i64::from(libc::SIGTERM), 0, 0, 0)?;
        Ok(())
    });
    assert_eq!(signals(&watch, pid), [(15, 0)], "TERM is told whatever the target makes of it");
    victim.kill().unwrap();
    victim.wait().unwrap();
}

/// Who waits for it in the kernel blocks it all but then.
#[test]
fn a_signal_that_is_waited_for_is_not_told() {
    let watch = watch(&ways()[0], Capability::Signal);
    let awaited = [1_u64 << (libc::SIGUSR1 - 1)];
    // SAFETY: the child makes system calls alone, and ends.
    let waiting = unsafe { libc::fork() };
    if waiting == 0 {
        let set = awaited.as_ptr() as i64;
        let blocked = call(libc::SYS_rt_sigprocmask, i64::from(libc::SIG_BLOCK), set, 0, 8, 0);
        let got = blocked.and_then(|_| call(libc::SYS_rt_sigtimedwait, set, 0, 0, 8, 0));
        // SAFETY: as above.
        unsafe { libc::_exit(i32::from(got.ok() != Some(i64::from(libc::SIGUSR1)))) };
    }
    let (path, waits) = (format!("/proc/{waiting}/syscall"), format!("{} ", libc::SYS_rt_sigtimedwait));
    let deadline = Instant::now() + Duration::from_secs(20);
    while !std::fs::read_to_string(&path).unwrap().starts_with(&waits) {
        assert!(Instant::now() < deadline, "it does not wait in 20 s");
        std::thread::yield_now();
    }
    let target = i64::from(waiting);
    let pid = child(move || call(libc::SYS_kill, target, i64::from(libc::SIGUSR1), 0, 0, 0).map(drop));
    assert_eq!(signals(&watch, pid), []);
    let mut status = -1;
    // SAFETY: the status is ours.
    assert_eq!(unsafe { libc::waitpid(waiting, &raw mut status, 0) }, waiting);
    assert_eq!(status, 0, "it got the signal");
}

/// Who queues a signal says its code, and may take one by which the kernel tells of timers and messages.
#[test]
fn a_code_of_the_kernels_hides_no_signal() {
    for way in &ways() {
        let watch = watch(way, Capability::Signal);
        let mut victim = sleeper();
        let target = i64::from(victim.id());
        let pid = child(move || {
            for code in [-1, -2, -5, -60] {
                let mut info = [0_i32; 32];
                info[2] = code;
                let info = info.as_ptr() as i64;
                call(libc::SYS_rt_sigqueueinfo, target, i64::from(libc::SIGSTOP), info, 0, 0)?;
            }
            Ok(())
        });
        assert_eq!(signals(&watch, pid), [(19, -1), (19, -2), (19, -5), (19, -60)]);
        victim.kill().unwrap();
        victim.wait().unwrap();
    }
}
