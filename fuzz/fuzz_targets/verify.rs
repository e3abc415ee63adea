//! Exports: whatever a collector or an editor made of one, verification ends, and nothing forged is verified.
#![no_main]

use guardbee_seal::{
    proof::{Manifest, Proof},
    reference::{KeyList, Reference},
    statement::Claim,
    verify::{self, Input, Limits, Options, Trust},
};
use libfuzzer_sys::fuzz_target;

/// So tight that they bite.
const TIGHT: Limits = Limits { line: 2048, epochs: 1, batches: 2, leaves: 3, suspects: 1 };

fuzz_target!(|data: &[u8]| {
    let mut options = Options::new(Trust::Nobody);
    if data.last().is_some_and(|byte| byte % 2 == 1) {
        options.limits = TIGHT;
    }
    let bytes: std::sync::Arc<[u8]> = data.into();
    let input = Input::new("fuzz.jsonl", move || Ok(Box::new(std::io::Cursor::new(bytes.clone())) as _));
    let mut judged = 0_u64;
    let report = verify::run(&[input], &options, &mut |one| {
        judged += 1;
        let word = one.verdict.word();
        assert!(!matches!(word, "VERIFIED" | "VERIFIED+UNSIGNED-FIELDS"), "nobody is trusted: {one}");
        assert!(one.to_string().contains(word));
    });
    let report = report.expect("memory can be read");
    assert_eq!(report.totals.values().copied().sum::<u64>(), judged);
    report.unreadable.iter().for_each(|line| assert!(!line.to_string().is_empty()));

    // The texts within it on their own: behind JSON and base64 mutations hardly reach them.
    if let Ok(text) = std::str::from_utf8(data) {
        let text = text.trim_end();
        if let Ok(keys) = KeyList::parse(text) {
            assert_eq!(KeyList::parse(&keys.text()), Ok(keys));
        }
        if let Ok(manifest) = Manifest::parse(text) {
            assert_eq!(Manifest::parse(&manifest.text()).as_ref(), Ok(&manifest));
        }
        let _ = (Proof::parse(text), Reference::parse(text), Claim::parse(text));
    }
});
