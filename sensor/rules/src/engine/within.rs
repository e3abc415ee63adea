//! Which of many texts stand anywhere in a value: by four bytes of each that few others have, looked up at every place.
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// Bytes of a text by which it is looked up.
const GRAM: usize = 4;
/// Bits of the filter for each text: most places of a value are told by it alone.
const BITS: usize = 32;
/// 2^32 divided by the golden ratio: spreads grams over the filter.
const SPREAD: u32 = 0x9E37_79B1;

type Gram = [u8; GRAM];
/// Numbers of rules, ascending.
type Postings = Vec<u32>;

/// Texts with the rules that each is a witness of.
#[derive(Debug)]
pub(super) struct Within {
    /// A power of two of bits; set where a gram is.
    filter: Box<[u64]>,
    /// Leaves so many bits of a spread gram as the filter has places.
    shift: u32,
    grams: FxHashMap<Gram, Vec<Entry>>,
    /// Texts shorter than a gram.
    short: Option<(AhoCorasick, Vec<Postings>)>,
}

#[derive(Debug)]
struct Entry {
    text: Box<[u8]>,
    /// Where the gram stands in it.
    offset: usize,
    rules: Postings,
}

impl Within {
    /// [`None`]: the short texts are too many for one automaton.
    pub(super) fn new(texts: BTreeMap<Vec<u8>, Postings>) -> Option<Self> {
        let (short, long): (Vec<_>, Vec<_>) = texts.into_iter().partition(|(text, _)| text.len() < GRAM);
        let places = (long.len() * BITS).next_power_of_two().clamp(1 << 12, 1 << 24);
        let shift = 32 - places.ilog2();
        let mut filter = vec![0_u64; places / 64];
        let mut users: FxHashMap<Gram, u32> = FxHashMap::default();
        for (_, gram) in long.iter().flat_map(|(text, _)| grams(text)) {
            *users.entry(gram).or_default() += 1;
        }
        let mut by_gram: FxHashMap<Gram, Vec<Entry>> = FxHashMap::default();
        for (text, rules) in long {
            let fewest = grams(&text).min_by_key(|(_, gram)| users.get(gram).copied());
            let Some((offset, gram)) = fewest else { continue };
            let place = spread(gram) >> shift;
            if let Some(word) = filter.get_mut(place as usize / 64) {
                *word |= 1 << (place % 64);
            }
            by_gram.entry(gram).or_default().push(Entry { text: text.into(), offset, rules });
        }
        let short = if short.is_empty() {
            None
        } else {
            let mut builder = AhoCorasick::builder();
            builder.kind(Some(AhoCorasickKind::DFA)).prefilter(false);
            let automaton = builder.build(short.iter().map(|(text, _)| text)).ok()?;
            Some((automaton, short.into_iter().map(|(_, rules)| rules).collect()))
        };
        Some(Self { filter: filter.into(), shift, grams: by_gram, short })
    }

    /// Gives the rules of every text that stands in `value`, perhaps more than once.
    pub(super) fn find(&self, value: &[u8], rules: &mut dyn FnMut(&[u32])) {
        if !self.grams.is_empty() {
            for (at, gram) in grams(value) {
                let place = spread(gram) >> self.shift;
                let word = self.filter.get(place as usize / 64).copied().unwrap_or_default();
                if word >> (place % 64) & 1 == 1 {
                    self.look(gram, at, value, rules);
                }
            }
        }
        if let Some((automaton, postings)) = &self.short {
            for one in automaton.find_overlapping_iter(value) {
                rules(postings.get(one.pattern().as_usize()).map_or(&[], Vec::as_slice));
            }
        }
    }

    /// `gram` stands at `at`.
    #[cold]
    fn look(&self, gram: Gram, at: usize, value: &[u8], rules: &mut dyn FnMut(&[u32])) {
        for entry in self.grams.get(&gram).into_iter().flatten() {
            let rest = at.checked_sub(entry.offset).and_then(|start| value.get(start..));
            if rest.is_some_and(|rest| rest.starts_with(&entry.text)) {
                rules(&entry.rules);
            }
        }
    }
}

fn grams(text: &[u8]) -> impl Iterator<Item = (usize, Gram)> {
    text.windows(GRAM).enumerate().filter_map(|(at, gram)| Some((at, gram.try_into().ok()?)))
}

fn spread(gram: Gram) -> u32 {
    u32::from_le_bytes(gram).wrapping_mul(SPREAD)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn finds_what_is_there_and_nothing_else(
            texts in prop::collection::btree_set("[ab/é]{1,7}", 1..40),
            value in "[ab/éx]{0,40}",
        ) {
            let numbered = (0_u32..).zip(&texts).map(|(number, text)| (text.clone().into_bytes(), vec![number]));
            let within = Within::new(numbered.collect()).unwrap();
            let mut found = std::collections::BTreeSet::new();
            within.find(value.as_bytes(), &mut |rules| found.extend(rules.iter().copied()));
            let there = (0_u32..).zip(&texts).filter(|(_, text)| value.contains(text.as_str()));
            prop_assert_eq!(found, there.map(|(number, _)| number).collect());
        }
    }
}
