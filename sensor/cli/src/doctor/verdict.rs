//! What a setting or an errno means for the sensor, and what to do about it.
use crate::terminal::Tone;
use guardbee_loader::HookList;

/// Of a sysctl with this value; none: this kernel doesn't have it.
pub(super) fn setting(name: &str, value: Option<&str>, hooks: Option<HookList>) -> (&'static str, Tone) {
    let Some(value) = value else { return ("", Tone::Plain) };
    let number: i64 = value.parse().unwrap_or_default();
    let old = hooks == Some(HookList::Tracepoint5_10);
    match name {
        "kernel.unprivileged_bpf_disabled" if number == 0 => {
            ("the sensor doesn't need it, but anybody may load programs here: set 1 or 2", Tone::Warn)
        }
        "kernel.perf_event_paranoid" if number > 2 && old => {
            ("the 5.10 hooks need CAP_SYS_ADMIN while they are attached; root has it", Tone::Warn)
        }
        "kernel.kptr_restrict" if number == 0 => {
            ("the sensor doesn't need it, but anybody may read the kernel's addresses: set 1", Tone::Warn)
        }
        "net.core.bpf_jit_enable" if number == 0 => {
            ("programs are interpreted, at many times the cost: set 1", Tone::Bad)
        }
        "net.core.bpf_jit_enable" if number > 1 => {
            ("the compiler writes programs to the kernel's log, for debugging only: set 1", Tone::Warn)
        }
        "net.core.bpf_jit_harden" if number > 1 => {
            ("root's programs are hardened too and cost more: 1 hardens those of others", Tone::Warn)
        }
        "kernel.yama.ptrace_scope" => {
            ("good: what the loader opens of processes is not asked for here", Tone::Good)
        }
        _ => ("good", Tone::Good),
    }
}

/// Why the kernel did not take a program.
pub(crate) fn refusal(errno: i32) -> String {
    let remedy = match errno {
        1 => {
            "run as root; in a container add CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN to the securityContext; see \
             lockdown above"
        }
        2 | 3 => "this kernel has no such hook: nothing to do but another kernel",
        7 | 13 | 22 => "this kernel's verifier or hook doesn't take it: report it with the kernel's release",
        12 => "no memory for its maps: lower kernel.security_ring_bytes and kernel.payload_ring_bytes",
        _ => "report it with the kernel's release",
    };
    if errno > 0 {
        format!("{}: {remedy}", std::io::Error::from_raw_os_error(errno))
    } else {
        format!("the library gave no number: {remedy}")
    }
}

/// How far Landlock holds, as the pipeline said it.
pub(super) fn landlock(level: &str) -> (&'static str, Tone) {
    match level {
        "full" => ("files, TCP ports, signals and abstract sockets", Tone::Good),
        "partial" => (
            "in part: files from kernel 5.13 on, TCP ports from 6.7, signals and abstract sockets from 6.12",
            Tone::Warn,
        ),
        _ => (
            "none: add `landlock` to lsm= on the kernel's command line, or use a kernel from 5.13 on",
            Tone::Warn,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_costs_or_endangers_has_a_remedy() {
        let tone = |name, value, hooks| setting(name, Some(value), hooks).1;
        let (new, old) = (Some(HookList::Tracepoint6_3), Some(HookList::Tracepoint5_10));
        assert_eq!(tone("net.core.bpf_jit_enable", "0", new), Tone::Bad);
        assert_eq!(tone("net.core.bpf_jit_enable", "1", new), Tone::Good);
        assert_eq!(tone("kernel.perf_event_paranoid", "3", new), Tone::Good);
        assert_eq!(tone("kernel.perf_event_paranoid", "3", old), Tone::Warn);
        assert_eq!(tone("kernel.unprivileged_bpf_disabled", "0", new), Tone::Warn);
        assert_eq!(setting("kernel.kptr_restrict", None, new), ("", Tone::Plain));
    }

    #[test]
    fn a_refusal_has_a_reason_and_a_remedy() {
        assert!(refusal(1).starts_with("Operation not permitted (os error 1): run as root"));
        assert!(refusal(-1).contains("no number"));
    }
}
