//! Generates the OTLP messages and services from the vendored `.proto` files; needs no protoc.
use std::{env, error::Error};

const SERVICES: [&str; 2] = [
    "opentelemetry/proto/collector/trace/v1/trace_service.proto",
    "opentelemetry/proto/collector/logs/v1/logs_service.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let files = protox::compile(SERVICES, ["proto"])?;
    tonic_prost_build::configure()
        .build_client(false)
        .build_transport(false)
        .build_server(env::var_os("CARGO_FEATURE_TESTING").is_some())
        .compile_fds(files)?;
    Ok(())
}
