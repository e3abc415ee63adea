//! Conditions of the selections that the target has: whole, cut and wrong.
use super::Seeds;
use std::error::Error;

const SEEDS: &[&str] = &[
    "sel_a",
    "sel_a and not other",
    "sel_a or sel_b and not (other or _own)",
    "not not sel_b",
    "1 of sel_*",
    "all of sel_? and other",
    "1 of them",
    "ALL OF them OR _own",
    "any of *",
    "((((sel_a)))) and (not (1 of sel_* or all of them))",
    "all of _*",
    "sel_a and not sel_a",
    "",
    "and",
    "(",
    ")",
    "sel_a sel_b",
    "2 of sel_*",
    "one of them",
    "none of them",
    "1 of",
    "sel_a | count() > 5",
    "sel_a || sel_b",
    "sel_a && !sel_b",
    "sel_*",
    "1 of (sel_a, sel_b)",
    "\u{e4}\u{2003}or sel_a",
    "all",
    "of",
];

pub(crate) fn seeds() -> Result<Seeds, Box<dyn Error>> {
    let mut seeds: Seeds =
        (0..).zip(SEEDS).map(|(nth, text)| (format!("{nth:02}"), text.as_bytes().to_vec())).collect();
    seeds.push(("deep".to_owned(), format!("{}sel_a{}", "(".repeat(45), ")".repeat(45)).into_bytes()));
    seeds.push(("long".to_owned(), "sel_a or ".repeat(400).into_bytes()));
    Ok(seeds)
}
