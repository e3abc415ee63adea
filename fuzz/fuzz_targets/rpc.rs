//! Requests to the privileged process: a datagram is the one encoding of what it asks, or it is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zerocopy::IntoBytes as _;

// The decoder without its crate, which links libbpf: it needs nothing but the ABI.
#[path = "../../sensor/loader/src/request.rs"]
mod request;

fuzz_target!(|data: &[u8]| {
    match request::decode(data) {
        Ok((id, ask)) => assert_eq!(request::encode(id, &ask).as_bytes(), data),
        Err(refused) => assert!(refused.operation <= 12, "{refused:?}"),
    }
});
