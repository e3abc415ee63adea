//! `/proc/PID/cmdline`, for processes older than the sensor.
use guardbee_model::process::Args;

/// As much as the kernel half captures at either end.
const END_BYTES: usize = 4096;

/// Words of a command line as the kernel shows it. The process may have overwritten it: titles are padded with NULs, so
/// that empty words at the end can't be told from padding and are left out.
pub fn cmdline(bytes: &[u8]) -> Args {
    let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    let text = bytes.get(..end).unwrap_or_default();
    let truncated = text.len() > 2 * END_BYTES;
    let mut words = Vec::new();
    if truncated {
        words.extend(split(text.get(..END_BYTES).unwrap_or_default()));
        words.extend(split(text.get(end - END_BYTES..).unwrap_or_default()));
    } else {
        words.extend(split(text));
    }
    let total_bytes = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    Args { words, total_bytes, truncated, unreadable: false }
}

fn split(text: &[u8]) -> impl Iterator<Item = Box<[u8]>> {
    let none = text.is_empty();
    text.split(|&byte| byte == 0).filter(move |_| !none).map(Box::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_and_titles() {
        for (bytes, line, words) in [
            (&b""[..], &b""[..], 0),
            (b"\0\0\0", b"", 0),
            (b"sh\0-c\0id", b"sh -c id", 3),
            (b"sh\0\0id\0", b"sh  id", 3),
            (b"nginx: master process\0\0\0\0", b"nginx: master process", 1),
        ] {
            let args = cmdline(bytes);
            assert_eq!((&*args.command_line(), args.words.len()), (line, words), "{bytes:?}");
            assert_eq!(args.total_bytes as usize, bytes.len());
        }
    }

    #[test]
    fn the_middle_of_a_long_one_is_left_out() {
        let args = cmdline(&[b"first\0".repeat(1000), b"last\0".repeat(1000)].concat());
        assert!(args.truncated);
        assert_eq!(args.words.first().map(|word| &**word), Some(&b"first"[..]));
        assert_eq!(args.words.last().map(|word| &**word), Some(&b"last"[..]));
        assert!(args.words.iter().map(|word| word.len() + 1).sum::<usize>() <= 2 * END_BYTES + 2);
    }

    proptest! {
        #[test]
        fn total(bytes in prop::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..20_000)) {
            prop_assert!(cmdline(&bytes).words.iter().all(|word| !word.contains(&0)));
        }
    }
}
