//! Whether memory stays flat: what is kept of processes, files and connections has bounds, which the first quarter of the time fills.

const MIB: f64 = (1 << 20) as f64;
/// In the last quarter at most so many times what it was in the second one.
const FLAT: f64 = 1.05;

/// What the sensor had, look by look: its processes' proportional share, and its BPF maps.
#[derive(Default)]
pub(super) struct Memory(Vec<f64>);

impl Memory {
    pub(super) fn add(&mut self, bytes: f64) {
        self.0.push(bytes);
    }

    pub(super) fn latest(&self) -> String {
        self.0.last().map_or_else(|| "no memory yet".to_owned(), |bytes| format!("{:.1} MiB", bytes / MIB))
    }

    pub(super) fn judge(&self) -> (bool, String) {
        let quarters: Vec<f64> = self.0.chunks(self.0.len().div_ceil(4).max(1)).map(median).collect();
        let [first, second, third, last] = quarters[..] else {
            return (false, format!("{} looks are too few", self.0.len()));
        };
        let most = self.0.iter().copied().fold(0.0, f64::max);
        let figure = format!(
            "medians by quarter {} MiB, at most {:.1}: the last is x{:.3} the second, goal <= x{FLAT}",
            [first, second, third, last].map(|bytes| format!("{:.1}", bytes / MIB)).join(", "),
            most / MIB,
            last / second
        );
        (last <= second * FLAT, figure)
    }
}

fn median(bytes: &[f64]) -> f64 {
    let mut bytes = bytes.to_vec();
    bytes.sort_by(f64::total_cmp);
    bytes[bytes.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_still_grows_after_the_second_quarter_is_not_flat() {
        let judge = |mib: [f64; 8]| Memory(mib.map(|mib| mib * MIB).to_vec()).judge().0;
        assert!(judge([50.0, 60.0, 80.0, 80.0, 80.0, 81.0, 82.0, 82.0]), "it fills first");
        assert!(!judge([50.0, 60.0, 80.0, 80.0, 83.0, 84.0, 86.0, 86.0]));
        assert!(!Memory::default().judge().0, "nothing was looked at");
    }
}
