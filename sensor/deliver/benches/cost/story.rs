//! What a busy node sees: requests to a few applications and the findings they lead to, with the entropy of the real thing.
use guardbee_deliver::testing::sample;
use guardbee_model::{
    clock::BootTime,
    finding::{Finding, Observation},
    id::{ConnectionId, FindingId, RequestId, SpanId, TraceId},
    process::Process,
    request::{Request, TraceContext, TraceSource},
    socket::Endpoint,
    span::{Span, SpanKind},
};
use std::{net::SocketAddr, sync::Arc};

/// Sebastiano Vigna's splitmix64: ids must not compress better than real ones.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new() -> Self {
        Self(7)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn id(&mut self) -> [u8; 16] {
        (u128::from(self.next()) << 64 | u128::from(self.next())).to_be_bytes()
    }
}

const ROUTES: [(&str, &str); 5] = [
    ("GET", "/api/orders/"),
    ("GET", "/api/customers/"),
    ("POST", "/api/orders"),
    ("GET", "/static/app.js"),
    ("GET", "/search"),
];

fn request(random: &mut Random, number: u64) -> Request {
    let route = usize::try_from(random.below(5)).unwrap_or_default();
    let (method, path) = ROUTES.get(route).copied().unwrap_or_default();
    let id = path.ends_with('/').then(|| random.below(1_000_000).to_string());
    let query = (path == "/search").then(|| format!("q=term{}&page={}", random.below(5000), random.below(9)));
    let client =
        SocketAddr::from(([10, 42, 1, 7], u16::try_from(32_768 + random.below(28_000)).unwrap_or(1)));
    let connection = ConnectionId(0x0100_0000_0000 + random.below(64));
    Request {
        id: RequestId { connection, position: number * 180 },
        trace: TraceContext {
            trace: TraceId(random.id()),
            span: SpanId(random.next().to_be_bytes()),
            parent: Some(SpanId(random.next().to_be_bytes())),
            source: TraceSource::ClientClaimed,
        },
        start: BootTime(1_000_000_000_000 + number * 1_000_000 + random.below(1_000_000)),
        method: method.as_bytes().into(),
        path: format!("{path}{}", id.as_deref().unwrap_or_default()).into_bytes().into(),
        query: query.map(|query| query.into_bytes().into()),
        route: if id.is_some() { format!("{path}{{id}}").into() } else { path.into() },
        user_agent: b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0"
            .as_slice()
            .into(),
        referer: Box::default(),
        user: Box::default(),
        content_type: Box::default(),
        forwarded_for: Box::default(),
        client: Endpoint::Ip(client),
        ..sample::request()
    }
}

/// Server spans of three applications.
pub(crate) fn spans(random: &mut Random, count: u64) -> Vec<Span> {
    let applications = [
        ("/usr/bin/python3.11", "gunicorn: worker"),
        ("/app/orders", "orders"),
        ("/usr/sbin/nginx", "nginx"),
    ];
    let processes: Vec<_> =
        (0..).zip(applications).map(|(pid, (exe, line))| sample::process(2000 + pid, exe, line)).collect();
    let one = |number| {
        let request = request(random, number);
        let end = BootTime(request.start.0 + 500_000 + random.below(20_000_000));
        let response = Some(guardbee_model::request::Response {
            end,
            response_body_bytes: Some(random.below(30_000)),
            ..sample::response(if random.below(50) == 0 { 500 } else { 200 })
        });
        let process = processes.get(usize::try_from(random.below(3)).unwrap_or_default()).cloned();
        Span { request: Arc::new(request), response, end, process, ..sample::span(SpanKind::Server, 200) }
    };
    (0..count).map(one).collect()
}

/// Findings of one rule: injected commands, each in a shell of one of four workers, below a container's usual ancestry.
pub(crate) fn findings(random: &mut Random, count: u64) -> Vec<Finding> {
    let above = [
        sample::process(
            1900,
            "/usr/bin/python3.11",
            "/usr/bin/python3 /usr/bin/gunicorn --workers 4 shop.wsgi:application",
        ),
        sample::process(
            1850,
            "/usr/bin/containerd-shim-runc-v2",
            "/usr/bin/containerd-shim-runc-v2 -namespace k8s.io -id 3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a -address /run/containerd/containerd.sock",
        ),
        sample::process(1, "/usr/lib/systemd/systemd", "/sbin/init"),
    ];
    let one = |number| {
        let mut request = request(random, number);
        request.query = Some(format!("host=h{}%3Bid", random.below(100_000)).into_bytes().into());
        let of_sample = sample::finding();
        let mut evidence = of_sample.evidence.clone();
        if let Some(observation) = evidence.first_mut().map(Arc::make_mut) {
            let line = format!("/bin/sh -c getent hosts h{};id", random.below(100_000));
            let pid = u32::try_from(4000 + number % 30_000).unwrap_or(1);
            let worker = u32::try_from(2000 + random.below(4)).unwrap_or(1);
            observation.time = BootTime(request.start.0 + random.below(5_000_000));
            observation.sequence = number * 7 + random.below(7);
            let mut process = Process::clone(&sample::process(pid, "/usr/bin/dash", &line));
            process.key.start = observation.time;
            observation.process = Some(Arc::new(process));
            let line = "/usr/bin/python3 /usr/bin/gunicorn --workers 4 shop.wsgi:application";
            let parent = sample::process(worker, "/usr/bin/python3.11", line);
            observation.ancestors = std::iter::once(parent).chain(above.iter().cloned()).collect();
            set_request(observation, request);
        }
        let time = evidence.last().map(|observation| observation.time).unwrap_or_default();
        Finding { id: FindingId(random.id()), time, evidence, losses: Vec::new(), ..of_sample }
    };
    (0..count).map(one).collect()
}

fn set_request(observation: &mut Observation, request: Request) {
    if let Some(link) = &mut observation.link {
        link.requests = vec![Arc::new(request)];
    }
}
