//! What sealing costs a span: batches of 512 with realistic attributes, one thread.
use guardbee_model::{
    clock::{BootTime, WallTime},
    id::{SpanId, TraceId},
    record::{Record, Shape, Stream, Value},
};
use guardbee_seal::{Added, LossTotals, Origin, Params, Sealer, merkle::leaf_hash};
use std::{error::Error, hint::black_box, io::Write as _, time::Instant};

const ROUNDS: u64 = 400;
const BATCH: u64 = 512;

fn span(number: u64) -> Record {
    let text = |text: &str| Value::from(text);
    Record {
        stream: Stream::Spans,
        shape: Shape::Span { kind: 2, status: 0 },
        name: "GET /api/orders/{id}".into(),
        trace: TraceId(u128::from(number).to_be_bytes()),
        span: SpanId(number.to_be_bytes()),
        parent: SpanId([3; 8]),
        start: WallTime(number * 1_000_003),
        end: WallTime(number * 1_000_003 + 2_345_678),
        body: "".into(),
        attributes: vec![
            ("http.request.method".into(), text("GET")),
            ("http.route".into(), text("/api/orders/{id}")),
            ("http.response.status_code".into(), Value::Int(200)),
            ("url.path".into(), text("/api/orders/183847")),
            ("url.scheme".into(), text("http")),
            ("server.address".into(), text("10.42.0.17")),
            ("server.port".into(), Value::Int(8080)),
            ("client.address".into(), text("10.42.1.201")),
            ("process.pid".into(), Value::Int(18_372)),
            ("container.id".into(), text("3f4e8a5b9c3d2e1f3f4e8a5b9c3d2e1f3f4e8a5b9c3d2e1f3f4e8a5b9c3d2e1f")),
        ],
        resource: std::sync::Arc::default(),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let losses = LossTotals::default();
    let origin = Origin::new("bench", "node", "boot");
    let mut sealer = Sealer::new(origin, None, Params::default(), (BootTime(0), WallTime(0)))?;
    let mut best = u128::MAX;
    let mut total = 0;
    for round in 0..ROUNDS {
        let records: Vec<_> = (0..BATCH).map(|number| span(round * BATCH + number)).collect();
        let now = (BootTime(1), WallTime(1));
        let begin = Instant::now();
        for record in records {
            if sealer.add(record) == Added::Dropped {
                return Err("a record was dropped".into());
            }
        }
        let records = sealer.flush(&[Stream::Spans], now, &losses)?;
        let took = begin.elapsed().as_nanos();
        black_box(records);
        best = best.min(took);
        total += took;
    }
    // What the hashing alone would cost here: a leaf of such a span (about 600 bytes), no more.
    let bytes = [7_u8; 600];
    let begin = Instant::now();
    for _ in 0..BATCH * 100 {
        black_box(leaf_hash(black_box(&bytes)));
    }
    let hashing = begin.elapsed().as_nanos() / 100;
    let each = |nanos: u128| nanos / u128::from(BATCH);
    let mean = each(total / u128::from(ROUNDS));
    writeln!(
        std::io::stdout(),
        "seal: {} ns a span in the best batch, {mean} ns on average; one leaf hash {} ns",
        each(best),
        each(hashing)
    )?;
    Ok(())
}
