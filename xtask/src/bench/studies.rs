//! What only the sensor has: measured once, with nothing to compare it with.
use super::{
    figure::{Figure, Unit},
    latency, memory,
    place::Place,
    rate, stages, wire,
};

/// Something that is measured once.
pub(super) struct Study {
    /// For `--only`.
    pub(super) name: &'static str,
    /// Programs that must be installed.
    pub(super) needs: &'static [&'static str],
    pub(super) figures: &'static [Figure],
    /// Gives the figures in their order.
    pub(super) run: fn(&Place) -> anyhow::Result<Vec<Option<f64>>>,
}

pub(super) const STUDIES: [Study; 6] = [
    Study {
        name: "memory",
        needs: &["nginx"],
        figures: &[
            Figure::new("start, CPU", Unit::Nanos),
            Figure::new("start, peak", Unit::Bytes),
            Figure::new("idle, memory", Unit::Bytes),
            Figure::new("idle, wake-ups", Unit::PerSecond),
            Figure::new("idle, CPU a second", Unit::Nanos),
            Figure::new("loaded, memory", Unit::Bytes),
            Figure::new("of it BPF maps", Unit::Bytes),
        ],
        run: memory::run,
    },
    Study {
        name: "churn",
        needs: &[],
        figures: &[
            Figure::new("memory after 10,000 execs", Unit::Bytes),
            Figure::new("memory after 100,000 execs, to after 10,000", Unit::Times),
            Figure::new("memory after 100,000 execs, to after 50,000", Unit::Times),
        ],
        run: memory::churn,
    },
    Study {
        name: "rate",
        needs: &[],
        figures: &[
            Figure::new("security events/s, no sensor", Unit::PerSecond),
            Figure::new("security events/s, none lost", Unit::PerSecond),
            Figure::new("security events/s, loss begins", Unit::PerSecond),
            Figure::new("security events, neither read nor counted as lost", Unit::Count),
            Figure::new("security events/s, core thread's CPU allows", Unit::PerSecond),
        ],
        run: rate::run,
    },
    Study {
        name: "latency",
        needs: &["python3"],
        figures: &[
            Figure::new("attacks found", Unit::Share),
            Figure::new("action to finding in the file, p50", Unit::Nanos),
            Figure::new("action to finding in the file, p99", Unit::Nanos),
            Figure::new("finding, OCSF line", Unit::Bytes),
            Figure::new("finding, OTLP JSON line", Unit::Bytes),
        ],
        run: latency::run,
    },
    Study {
        name: "wire",
        needs: &["nginx", "python3", "go", "openssl"],
        figures: &[
            Figure::new("delivered over mTLS at 5,000/s", Unit::Share),
            Figure::new("delivering at 5,000/s, sensor CPU/request", Unit::Nanos),
            Figure::new("span on the wire", Unit::Bytes),
            Figure::new("span, OTLP JSON", Unit::Bytes),
            Figure::new("attack's records on the wire, each", Unit::Bytes),
            Figure::new("attacks found at the Collector", Unit::Share),
            Figure::new("action to finding at the Collector, p50", Unit::Nanos),
            Figure::new("action to finding at the Collector, p99", Unit::Nanos),
        ],
        run: wire::run,
    },
    Study {
        name: "stages",
        needs: &["cargo"],
        figures: &[
            Figure::new("sealing a span, CPU", Unit::Nanos),
            Figure::new("sealing a finding, CPU", Unit::Nanos),
            Figure::new("span, OTLP and gzip, 512 at once", Unit::Bytes),
            Figure::new("seal of a span, gzip, 512 at once", Unit::Bytes),
            Figure::new("finding, OTLP and gzip, alone", Unit::Bytes),
            Figure::new("finding, OTLP and gzip, 8 at once", Unit::Bytes),
            Figure::new("shipped rules, exec events/s of a core", Unit::PerSecond),
            Figure::new("144 rules, exec events/s of a core", Unit::PerSecond),
            Figure::new("1,629 rules, exec events/s of a core", Unit::PerSecond),
            Figure::new("10,000 rules, exec events/s of a core", Unit::PerSecond),
        ],
        run: stages::run,
    },
];
