//! Files of processes that the loader opens: command lines, cgroups, users, as a workload may have them. The first byte says which.
#![no_main]

use guardbee_enrich::{Names, cmdline, names, parse_passwd, parse_uid_map, paths};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((which, data)) = data.split_first() else { return };
    match which % 4 {
        0 => {
            let args = cmdline(data);
            let bytes: usize = args.words.iter().map(|word| word.len()).sum();
            assert!(bytes <= data.len() && args.total_bytes as usize == data.len());
        }
        1 => {
            let paths = paths(data);
            for path in [paths.own, paths.unified] {
                assert!(path.len() <= data.len());
                let Names { .. } = names(&String::from_utf8_lossy(path));
            }
        }
        2 => {
            let users = parse_passwd(data);
            let name = users.name(0).unwrap_or_default();
            assert!(name.len() <= data.len() * 4, "escaped, a byte is four");
        }
        _ => {
            let map = parse_uid_map(data);
            for outside in [0, 1, 1000, u32::MAX] {
                let _ = map.inside(outside);
            }
        }
    }
});
