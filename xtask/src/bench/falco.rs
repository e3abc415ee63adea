//! What Falco came to under the same loads, to stand beside ours. It was measured once, side by side with no sensor, not in this run:
//! ratios and what was added may be compared, times hardly.
//!
//! Falco 0.44.1 with its stock rules, by its modern eBPF probe, in a machine with two CPUs and kernel 6.18; of connects in a run that
//! others disturbed. Memory is what was resident, and has no maps in it.

const MEASURED: &[(&str, &str)] = &[
    ("getppid, CPU", "x1.32, +28 ns"),
    ("getppid, BPF time", "35 ns"),
    ("pipe write + read, CPU", "x1.22, +63 ns"),
    ("open + close, CPU", "x1.97, +570 ns"),
    ("open + close, BPF time", "506 ns"),
    ("open + close, security events lost", "25 % of 600,562"),
    ("fork + exec + wait, CPU", "x1.04, +27 us"),
    ("fork + exec + wait, BPF time", "12.2 us"),
    ("fork + exec + wait, dynamic, CPU", "x1.08, +34 us"),
    ("TCP connect + accept, CPU", "x1.17, +1.6 us"),
    ("nginx full speed, CPU/request", "x1.42, +2.7 us"),
    ("nginx full speed, requests/s", "x0.57"),
    ("nginx full speed, sensor CPU/request", "2.3 us"),
    ("nginx 5,000/s, CPU/request", "x1.18"),
    ("nginx 5,000/s, p50", "x0.88"),
    ("nginx 5,000/s, p99", "x2.00"),
    ("Go net/http 1,000/s, CPU/request", "x1.00"),
    ("Go net/http 1,000/s, p50", "x1.09"),
    ("Go net/http 1,000/s, p99", "x1.20"),
    ("start, CPU", "5.7 s"),
    ("start, peak", "61.4 MiB"),
    ("idle, memory", "61.2 MiB"),
    ("security events/s, none lost", "about 250,000"),
];

/// Falco's figure.
pub(super) fn of(figure: &str) -> Option<&'static str> {
    MEASURED.iter().find(|(name, _)| *name == figure).map(|(_, falco)| *falco)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{loads::LOADS, studies::STUDIES},
        *,
    };

    #[test]
    fn it_stands_beside_figures_that_are_measured() {
        let loads = LOADS.iter().flat_map(|load| load.figures);
        let figures: Vec<_> = loads.chain(STUDIES.iter().flat_map(|study| study.figures)).collect();
        for (name, _) in MEASURED {
            assert!(figures.iter().any(|figure| figure.name == *name), "nothing measures {name}");
        }
    }
}
