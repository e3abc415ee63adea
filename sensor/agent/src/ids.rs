//! Random names, and who this node is.
use anyhow::Context as _;
use guardbee_model::id::{FindingId, SpanId, TraceId};

/// `N` random bytes from the kernel.
pub fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).context("get random bytes from the kernel")?;
    Ok(bytes)
}

/// Names of traces, spans and findings: a generator seeded once by the kernel, so that naming a span is no syscall.
///
/// Ids need to be unique, not secret: xorshift128+ over 128 seeded bits.
#[derive(Clone, Debug)]
pub struct Ids(u64, u64);

impl Ids {
    /// Seeded by the kernel.
    pub fn new() -> anyhow::Result<Self> {
        let [a, b] = [u64::from_ne_bytes(random()?), u64::from_ne_bytes(random()?)];
        Ok(Self(a, b | 1))
    }

    fn next(&mut self) -> u64 {
        let (mut x, y) = (self.0, self.1);
        self.0 = y;
        x ^= x << 23;
        self.1 = x ^ y ^ (x >> 17) ^ (y >> 26);
        self.1.wrapping_add(y).max(1)
    }

    /// A trace id; never zero.
    pub fn trace(&mut self) -> TraceId {
        TraceId(self.sixteen())
    }

    /// A span id; never zero.
    pub fn span(&mut self) -> SpanId {
        SpanId(self.next().to_be_bytes())
    }

    /// A finding id.
    pub fn finding(&mut self) -> FindingId {
        FindingId(self.sixteen())
    }

    fn sixteen(&mut self) -> [u8; 16] {
        (u128::from(self.next()) << 64 | u128::from(self.next())).to_be_bytes()
    }
}

impl guardbee_trace::IdSource for Ids {
    fn trace(&mut self) -> TraceId {
        Self::trace(self)
    }

    fn span(&mut self) -> SpanId {
        Self::span(self)
    }
}

/// What the kernel calls this boot; 36 characters.
pub fn boot_id() -> anyhow::Result<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").context("read the boot id")?;
    Ok(text.trim().to_owned())
}

/// The node's name: as configured, or the host name.
pub fn node(configured: &str) -> String {
    if !configured.is_empty() {
        return configured.to_owned();
    }
    nix::unistd::gethostname()
        .map_or_else(|_| "unknown".to_owned(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_differ_and_are_valid() {
        let mut ids = Ids::new().unwrap();
        let traces: HashSet<_> = (0..10_000).map(|_| ids.trace()).collect();
        let spans: HashSet<_> = (0..10_000).map(|_| ids.span()).collect();
        assert_eq!((traces.len(), spans.len()), (10_000, 10_000));
        assert!(!traces.iter().any(TraceId::is_zero) && !spans.iter().any(SpanId::is_zero));
    }
}
