//! Which of many texts stand anywhere in a value: by four bytes of each that few others have, looked up at every place.
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// Bytes of a text by which it is looked up.
const GRAM: usize = 4;
/// Bits of the filter for each text: most places of a value are told by it alone.
const BITS: usize = 32;
/// 2^32 divided by the golden ratio: spreads grams over the filter.
const SPREAD: u32 = 0x9E37_79B1;

type Gram = [u8; GRAM];
type Pair = [u8; 2];
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
    short: Option<Short>,
}

type Texts = Vec<(Box<[u8]>, Postings)>;

/// Texts shorter than a gram, by their first two bytes; those of one byte by whatever may follow it.
#[derive(Debug)]
struct Short {
    /// One bit for each pair.
    filter: Box<[u64]>,
    pairs: FxHashMap<Pair, Texts>,
}

#[derive(Debug)]
struct Entry {
    text: Box<[u8]>,
    /// Where the gram stands in it.
    offset: usize,
    rules: Postings,
}

impl Within {
    pub(super) fn new(texts: BTreeMap<Vec<u8>, Postings>) -> Self {
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
        let short = (!short.is_empty()).then(|| Short::new(short));
        Self { filter: filter.into(), shift, grams: by_gram, short }
    }

    /// Gives the rules of every text that stands in `value`, perhaps more than once.
    pub(super) fn find(&self, value: &[u8], rules: &mut dyn FnMut(&[u32])) {
        let Some(short) = &self.short else {
            grams(value).for_each(|(at, gram)| self.at(gram, at, value, rules));
            return;
        };
        // One walk for both: the first two bytes of a gram are a pair.
        for (at, gram) in grams(value) {
            let [first, second, ..] = gram;
            short.at([first, second], at, value, rules);
            self.at(gram, at, value, rules);
        }
        short.end(value, rules);
    }

    #[inline]
    fn at(&self, gram: Gram, at: usize, value: &[u8], rules: &mut dyn FnMut(&[u32])) {
        let place = spread(gram) >> self.shift;
        let word = self.filter.get(place as usize / 64).copied().unwrap_or_default();
        if word >> (place % 64) & 1 == 1 {
            self.look(gram, at, value, rules);
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

impl Short {
    fn new(texts: Vec<(Vec<u8>, Postings)>) -> Self {
        let mut filter = vec![0_u64; (1 << 16) / 64];
        let mut pairs: FxHashMap<Pair, Texts> = FxHashMap::default();
        for (text, rules) in texts {
            let (first, seconds) = match *text {
                [] => continue,
                [only] => (only, 0..=u8::MAX),
                [first, second, ..] => (first, second..=second),
            };
            for second in seconds {
                let pair = [first, second];
                let place = usize::from(u16::from_le_bytes(pair));
                if let Some(word) = filter.get_mut(place / 64) {
                    *word |= 1 << (place % 64);
                }
                pairs.entry(pair).or_default().push((text.clone().into(), rules.clone()));
            }
        }
        Self { filter: filter.into(), pairs }
    }

    #[inline]
    fn at(&self, pair: Pair, at: usize, value: &[u8], rules: &mut dyn FnMut(&[u32])) {
        let place = usize::from(u16::from_le_bytes(pair));
        let word = self.filter.get(place / 64).copied().unwrap_or_default();
        if word >> (place % 64) & 1 == 1 {
            self.look(pair, value.get(at..).unwrap_or_default(), rules);
        }
    }

    /// The last bytes, where no gram begins any more.
    fn end(&self, value: &[u8], rules: &mut dyn FnMut(&[u32])) {
        for at in value.len().saturating_sub(GRAM - 1)..value.len() {
            let first = value.get(at).copied().unwrap_or_default();
            let second = value.get(at + 1).copied().unwrap_or_default();
            self.at([first, second], at, value, rules);
        }
    }

    /// `pair` begins `rest`, or its only byte does.
    #[cold]
    fn look(&self, pair: Pair, rest: &[u8], rules: &mut dyn FnMut(&[u32])) {
        for (text, postings) in self.pairs.get(&pair).into_iter().flatten() {
            if rest.starts_with(text) {
                rules(postings);
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
            let within = Within::new(numbered.collect());
            let mut found = std::collections::BTreeSet::new();
            within.find(value.as_bytes(), &mut |rules| found.extend(rules.iter().copied()));
            let there = (0_u32..).zip(&texts).filter(|(_, text)| value.contains(text.as_str()));
            prop_assert_eq!(found, there.map(|(number, _)| number).collect());
        }
    }
}
