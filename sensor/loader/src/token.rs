//! Tokens: names for executables that the loader itself opened, so that no request ever carries a path.
use std::collections::VecDeque;

/// Executables remembered at once.
const LIMIT: usize = 1024;

/// Executables by token, the oldest forgotten first: its token is then unknown, and the pipeline opens it again.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    files: VecDeque<(u64, (u64, u64))>,
    last: u64,
}

impl Tokens {
    /// The token of the file (device, inode), a new one or the one it has.
    pub(crate) fn remember(&mut self, file: (u64, u64)) -> u64 {
        if let Some((token, _)) = self.files.iter().find(|(_, known)| *known == file) {
            return *token;
        }
        if self.files.len() == LIMIT {
            self.files.pop_front();
        }
        self.last += 1;
        self.files.push_back((self.last, file));
        self.last
    }

    /// Whether `token` names a file.
    pub(crate) fn knows(&self, token: u64) -> bool {
        self.files.iter().any(|(known, _)| *known == token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_and_its_number_never_given_again() {
        let mut tokens = Tokens::default();
        let first = tokens.remember((8, 1));
        assert_eq!(tokens.remember((8, 1)), first);
        for inode in 2..=LIMIT as u64 + 1 {
            tokens.remember((8, inode));
        }
        assert!(!tokens.knows(first));
        assert!(tokens.remember((8, 1)) > first);
    }
}
