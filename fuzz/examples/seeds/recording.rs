//! Recordings of items of every kind, whole, cut and wrong; and the insides of their frames.
#[path = "../../../sensor/recording/tests/draw/mod.rs"]
mod draw;

use super::Seeds;
use flate2::read::DeflateDecoder;
use guardbee_recording::{Head, Item, Secrets, Writer};
use std::{error::Error, io::Read as _};

/// Bytes of a frame's header.
const HEADER: usize = 40;

pub(crate) fn seeds() -> Result<Seeds, Box<dyn Error>> {
    let mut seeds = Seeds::new();
    // Of an observation the third byte says which action, of others the first what they are.
    let kinds = [
        "loss", "time", "sight", "accept", "connect", "exec", "exit", "fork", "listen", "request", "exchange",
    ];
    for (kind, name) in (0_u8..).zip(kinds) {
        let (what, action) = if kind < 3 { (kind, 0) } else { (3, kind - 3) };
        let bytes: Vec<u8> = [what, 7, action]
            .into_iter()
            .chain((0..120_u32).map(|n| (n * 53 % 251).to_le_bytes()[0]))
            .collect();
        let items = draw::Draw::new(&bytes).items();
        let recording = recorded(&items, Secrets::Raw)?;
        let (count, inside) = (u16::try_from(items.len())?, inside(&recording)?);
        seeds.push((format!("inside-{name}"), [&count.to_le_bytes(), inside.as_slice()].concat()));
        seeds.push((
            format!("inside-{name}-cut"),
            [&count.to_le_bytes(), &inside[..inside.len() / 2]].concat(),
        ));
    }
    let bytes: Vec<u8> = (0..900_u32).map(|n| (n * 31 % 241).to_le_bytes()[0]).collect();
    let items = draw::Draw::new(&bytes).items();
    let whole = recorded(&items, Secrets::Redacted)?;
    let mut damaged = whole.clone();
    if let Some(byte) = damaged.last_mut() {
        *byte ^= 1;
    }
    let mut newer = whole.clone();
    newer[8] = u8::MAX;
    seeds.push(("cut".to_owned(), whole[..whole.len() - 9].to_vec()));
    seeds.push(("damaged".to_owned(), damaged));
    seeds.push(("newer".to_owned(), newer));
    seeds.push(("empty".to_owned(), recorded(&[], Secrets::Raw)?));
    seeds.push(("whole".to_owned(), whole));
    Ok(seeds)
}

fn recorded(items: &[Item], secrets: Secrets) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut writer = Writer::new(Vec::new(), &Head { secrets, node: "node".to_owned(), ..Head::default() })?;
    for item in items {
        writer.put(item)?;
    }
    Ok(writer.finish()?)
}

/// What the first frame holds.
fn inside(recording: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let at = recording.windows(4).position(|window| window == b"GBFR").ok_or("no frame")?;
    let mut raw = Vec::new();
    DeflateDecoder::new(&recording[at + HEADER..]).read_to_end(&mut raw)?;
    Ok(raw)
}
