//! Files that runtimes keep of containers, with what whoever starts containers has chosen. The first byte says which.
#![no_main]

use guardbee_enrich::{Record, Sought, read_record};
use guardbee_model::container::{Configuration, Container};
use libfuzzer_sys::fuzz_target;

const RECORDS: [Record; 6] = [
    Record::DockerConfig,
    Record::DockerHost,
    Record::ContainerdSpec,
    Record::StorageSpec,
    Record::StorageList,
    Record::StorageVolatile,
];

fuzz_target!(|data: &[u8]| {
    let Some((which, json)) = data.split_first() else { return };
    let record = RECORDS[usize::from(*which) % RECORDS.len()];
    let sought = Sought::of(&Container::new(&"3fa9".repeat(16), "")).expect("an id");
    let mut known = Configuration::default();
    let read = read_record(&sought, record, json, &mut known);
    assert!(read.is_ok() || known == Configuration::default(), "what can't be read says nothing");
    let image = known.image.unwrap_or_default();
    let names = [known.name, known.pod, known.namespace, known.pod_container];
    for text in names.iter().chain([&image.reference, &image.name, &image.tag, &image.digest]) {
        assert!(text.len() <= 512 && text.len() <= json.len() && !text.chars().any(char::is_control));
    }
});
