//! What is known of an executable beside what the kernel says at the exec: its hash, and whose it is.
use std::{fmt, sync::Arc};

/// A file as it was: whoever writes to it, or takes its number for another file, changes at least one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId {
    /// Device: major << 20 | minor.
    pub device: u32,
    /// Inode number.
    pub inode: u64,
    /// Change time, wall clock.
    pub ctime_ns: u64,
}

/// SHA-256 of a file's bytes (FIPS 180-4); written in 64 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// From 64 hex digits of either case.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits: Vec<u8> = text
            .chars()
            .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect::<Option<_>>()?;
        let bytes: Vec<u8> = digits
            .chunks(2)
            .map(|pair| match pair {
                [high, low] => Some(high << 4 | low),
                _ => None,
            })
            .collect::<Option<_>>()?;
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Why an executable has no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotHashed {
    /// Too many bytes, or too many files, were to be hashed at that time.
    Budget,
    /// It is larger than what is hashed at all.
    TooLarge,
    /// The process had ended, or executed something else, before its file could be opened.
    Gone,
    /// It was written to meanwhile.
    Changed,
    /// It could not be opened or read.
    Unreadable,
    /// It was not done when the finding had to go.
    Late,
    /// A process serves its file system, and did not let it be opened in time.
    Stuck,
}

impl NotHashed {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Budget, Self::TooLarge, Self::Gone, Self::Changed, Self::Unreadable, Self::Late, Self::Stuck];

    /// The name used in records, counters and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Budget => "budget",
            Self::TooLarge => "too_large",
            Self::Gone => "gone",
            Self::Changed => "changed",
            Self::Unreadable => "unreadable",
            Self::Late => "late",
            Self::Stuck => "stuck",
        }
    }
}

/// The hash of an executable, as far as anybody wanted it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Hash {
    /// Nobody wanted it, or it isn't known yet.
    #[default]
    Unknown,
    /// Of the file as it was at the exec.
    Sha256(Arc<Sha256>),
    /// There will be none.
    Not(NotHashed),
}

impl Hash {
    /// The hash, where there is one.
    pub fn sha256(&self) -> Option<&Sha256> {
        match self {
            Self::Sha256(hash) => Some(hash),
            Self::Unknown | Self::Not(_) => None,
        }
    }
}

/// Which of the host's packages brought a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Package {
    /// The host's package database isn't known, doesn't concern this process, or doesn't settle it.
    #[default]
    Unknown,
    /// None of them: it came to the host in another way.
    None,
    /// The package of this name.
    Named(Arc<str>),
}

/// What was found out of an executable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Executable {
    /// Its hash.
    pub hash: Hash,
    /// Its package.
    pub package: Package,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_there_and_back() {
        let digits = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let hash = Sha256::from_hex(digits).unwrap();
        assert_eq!(hash.to_string(), digits);
        assert_eq!(Sha256::from_hex(&digits.to_uppercase()), Some(hash));
        for wrong in
            ["", "e3", digits.trim_start_matches('e'), &format!("{digits}00"), &digits.replace('e', "g")]
        {
            assert_eq!(Sha256::from_hex(wrong), None, "{wrong}");
        }
    }
}
