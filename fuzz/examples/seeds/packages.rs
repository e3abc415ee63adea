//! What package databases list: a header of rpm's, paragraphs of apk's, lists and diversions of dpkg's.
use super::Seeds;
use std::error::Error;

/// Tag, type, how many, and the bytes: name, folders by number, names of files, folders.
const TAGS: [(u32, u32, u32, &[u8]); 4] = [
    (1000, 6, 1, b"bash\0"),
    (1116, 4, 3, &[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]),
    (1117, 8, 3, b"bash\0bashrc\0sh\0"),
    (1118, 8, 2, b"/usr/bin/\0/etc/\0"),
];

/// A header as rpm's database has it.
pub(crate) fn header() -> Vec<u8> {
    let (mut index, mut data) = (Vec::new(), Vec::<u8>::new());
    for (tag, kind, count, bytes) in TAGS {
        let at = u32::try_from(data.len()).unwrap_or_default();
        index.extend([tag, kind, at, count].iter().flat_map(|number| number.to_be_bytes()));
        data.extend_from_slice(bytes);
    }
    let lengths =
        [TAGS.len(), data.len()].map(|length| u32::try_from(length).unwrap_or_default().to_be_bytes());
    [lengths.as_flattened(), &index, &data].concat()
}

pub(crate) fn seeds() -> Result<Seeds, Box<dyn Error>> {
    let header = header();
    let apk = b"C:Q1x=\nP:busybox\nV:1.36.1-r5\nF:bin\nR:busybox\na:0:0:755\nZ:Q1y=\nF:etc\nR:securetty\n\nP:root\nR:x\n";
    let list = b"/.\n/bin\n/bin/ls\nrelative\n\n/usr/share/doc/x\n";
    let diversions = b"/bin/sh\n/bin/sh.distrib\ndash\n/bin/x\n/bin/x.real\n:\nbroken\n/y\nz\n";
    let seeds: [(&str, u8, &[u8]); 6] = [
        ("rpm", 0, &header),
        ("rpm-cut", 0, &header[..header.len() - 9]),
        ("apk", 1, apk),
        ("dpkg-list", 2, list),
        ("dpkg-diversions", 2, diversions),
        ("dpkg-name", 2, b"libc6:amd64.list"),
    ];
    Ok(seeds.map(|(name, form, bytes)| (name.to_owned(), [&[form], bytes].concat())).to_vec())
}
