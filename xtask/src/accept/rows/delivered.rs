//! Row a: nginx in front of gunicorn is attacked; the Collector gets the spans and the finding that names the request.
use crate::accept::{
    collector::Collector,
    driver, export,
    findings::{Finding, Findings},
    http::Connection,
    lab::Lab,
    process::{self, wait_for},
    sensor::{Options, Sensor},
    table::{Line, Table, Verdict},
    target::{Server, Target},
};
use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

const DEADLINE: Duration = Duration::from_secs(10);
/// Gunicorn closes a connection that is idle for ten seconds: target.rs.
const IDLE_LIMIT: Duration = Duration::from_secs(20);
/// W3C Trace Context's own example.
const CLAIMED: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const VICTIM: &str = "0af7651916cd43dd8448eb211c80319c";
/// Neither nginx nor the application is at this address.
const CLIENT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// The shipped rule that sees the shell, with its techniques.
const RULE: &str = "Web Request Spawned A Shell";
const TECHNIQUES: [&str; 2] = ["T1190", "T1059.004"];

pub(super) fn run(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    let collector = Collector::start(lab)?;
    let options =
        Options { packs: vec![lab.root.join("rules")], collector: Some(&collector), ..Options::default() };
    let servers =
        || [Server::NginxTcp, Server::NginxUnix].into_iter().filter(|server| lab.wanted(server.name()));
    let sensor = Sensor::start(lab, &options)?;
    for server in servers() {
        let target = Target::start(lab, server)?;
        let scene = Scene { lab, server, target: &target, collector: &collector, sensor: &sensor };
        for run in [Run::Plain, Run::Claimed, Run::Forged] {
            let began = Instant::now();
            let connected = Connection::open_from(CLIENT, target.port).context("connect");
            let judged = connected.and_then(|mut connection| scene.run(run, &mut connection));
            add(table, server, run, judged, began);
        }
    }
    sensor.stop()?;
    for server in servers() {
        let began = Instant::now();
        add(table, server, Run::Stranger, stranger(lab, server, &collector, &options), began);
    }
    Ok(())
}

fn add(table: &mut Table, server: Server, run: Run, judged: anyhow::Result<String>, began: Instant) {
    let (passed, figure) = match judged {
        Ok(figure) => (true, figure),
        Err(error) => (false, format!("{error:#}")),
    };
    table.add(Line::new(
        'a',
        format!("{}, {}", server.name(), run.name()),
        Verdict::of(passed),
        figure,
        began,
    ));
}

/// A client whose end of the connection the sensor can't know, as if it were on another machine: it is older than the sensor.
fn stranger(
    lab: &Lab,
    server: Server,
    collector: &Collector,
    options: &Options<'_>,
) -> anyhow::Result<String> {
    let target = Target::start(lab, server)?;
    let mut connection = Connection::open_from(CLIENT, target.port)?;
    driver::ask(&mut connection, false, lab.nonce(), "")?;
    let sockets = || target.application().into_iter().map(process::sockets).sum::<usize>();
    let before = sockets();
    let sensor = Sensor::start(lab, options)?;
    // nginx's own connection to the application is as old, until that gives it up; and the client's is known from its second
    // request on.
    ensure!(wait_for(IDLE_LIMIT, || sockets() < before), "the application keeps its idle connections");
    for _ in 0..2 {
        driver::ask(&mut connection, false, lab.nonce(), "")?;
    }
    let scene = Scene { lab, server, target: &target, collector, sensor: &sensor };
    let figure = scene.run(Run::Stranger, &mut connection)?;
    sensor.stop()?;
    Ok(figure)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    Plain,
    Claimed,
    Forged,
    /// Forged by a client that is not seen on this node.
    Stranger,
}

impl Run {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "no trace",
            Self::Claimed => "traced",
            Self::Forged => "forged",
            Self::Stranger => "forged by a stranger",
        }
    }

    fn headers(self) -> String {
        match self {
            Self::Plain => String::new(),
            Self::Claimed => format!("traceparent: 00-{CLAIMED}-00f067aa0ba902b7-01\r\n"),
            Self::Forged | Self::Stranger => format!("traceparent: 00-{VICTIM}-b7ad6b7169203331-00\r\n"),
        }
    }

    /// Whether the finding may have this trace, and whose word it must be called. The harness is a process of this node.
    fn check(self, trace: &str, source: &str) -> anyhow::Result<()> {
        let (right, word) = match self {
            Self::Plain => (trace != CLAIMED && trace != VICTIM && trace.len() == 32, "local"),
            Self::Claimed => (trace == CLAIMED, "local"),
            Self::Forged => (trace == VICTIM, "local"),
            Self::Stranger => (trace == VICTIM, "client-claimed"),
        };
        ensure!(right, "the finding's trace is {trace}");
        ensure!(source == word, "the trace is called {source}, not {word}");
        Ok(())
    }
}

struct Scene<'a> {
    lab: &'a Lab,
    server: Server,
    target: &'a Target,
    collector: &'a Collector,
    sensor: &'a Sensor,
}

impl Scene<'_> {
    /// The figure, or what is not as it should be.
    fn run(&self, run: Run, connection: &mut Connection) -> anyhow::Result<String> {
        let victim = if matches!(run, Run::Forged | Run::Stranger) {
            let mut own = Connection::open(self.target.port)?;
            let headers = format!("traceparent: 00-{VICTIM}-b7ad6b7169203331-01\r\n");
            Some(driver::ask(&mut own, false, self.lab.nonce(), &headers)?.0)
        } else {
            None
        };
        let (attack, _) = driver::ask(connection, true, self.lab.nonce(), &run.headers())?;
        let mut findings = self.sensor.findings();
        wait_for(DEADLINE, || {
            findings.read();
            shipped(&findings, &attack.nonce).is_ok()
        });
        wait_for(DEADLINE, || findings.resolve(&self.sensor.records));
        let finding = shipped(&findings, &attack.nonce)?;
        let trace = named(finding, &attack.nonce)?;
        run.check(&trace, finding.text("/unmapped/guardbee/trace_source"))?;
        self.client(finding)?;
        let chain = self.ancestry(finding)?;
        self.spans(&attack.nonce, &trace, finding)?;
        if let Some(victim) = victim {
            let ours = finding.text("/unmapped/guardbee/request_id");
            let theirs = self.request_id(&victim.nonce)?;
            ensure!(ours != theirs, "the finding landed on the victim's request {theirs}");
        }
        self.logged(finding)?;
        let kind = finding.link.as_ref().map(|link| link.kind.as_str()).unwrap_or_default();
        Ok(format!("{kind} link, trace {}, below {chain}", trace.get(..8).unwrap_or(&trace)))
    }

    /// The client is named by what nginx says of it; the other end of the application's connection, if it has an address, is
    /// nginx, whatever a header claims.
    fn client(&self, finding: &Finding) -> anyhow::Result<()> {
        let (claimed, seen) = (
            finding.text("/evidences/0/http_request/x_forwarded_for/0"),
            finding.text("/evidences/0/src_endpoint/ip"),
        );
        ensure!(claimed == CLIENT.to_string(), "the finding's client is {claimed:?}, not {CLIENT}");
        let peer = if self.server == Server::NginxTcp { "127.0.0.1" } else { "" };
        ensure!(seen == peer, "the finding's peer is {seen:?}, not {peer:?}");
        Ok(())
    }

    /// The shell's parents are those that /proc names, from the application's worker up.
    fn ancestry(&self, finding: &Finding) -> anyhow::Result<String> {
        let list = finding.event.pointer("/evidences/0/process/ancestry").and_then(Value::as_array);
        let list = list.context("the finding has no ancestry")?;
        let pids: Vec<u32> = list.iter().filter_map(|one| u32::try_from(one["pid"].as_u64()?).ok()).collect();
        let worker = *pids.first().context("the ancestry is empty")?;
        ensure!(
            self.target.application().contains(&worker),
            "{worker}, the shell's parent, is not the application's"
        );
        let real: Vec<u32> =
            std::iter::successors(Some(worker), |pid| process::parent(*pid)).take(pids.len()).collect();
        ensure!(pids == real, "the ancestry is {pids:?}, not {real:?}");
        ensure!(
            pids.contains(&std::process::id()),
            "the ancestry {pids:?} does not reach who started the application"
        );
        let parent = finding.text("/evidences/0/process/parent_process/cmd_line");
        ensure!(parent.contains("gunicorn"), "the shell's parent is {parent:?}");
        Ok(format!("{} ancestors", pids.len()))
    }

    fn with_nonce(&self, nonce: &str) -> Vec<Value> {
        let mut spans = export::spans(&self.collector.traces());
        spans.retain(|span| export::attribute(span, "url.query").is_some_and(|query| query.contains(nonce)));
        spans
    }

    /// nginx's server span, and the application's as its child.
    fn spans(&self, nonce: &str, trace: &str, finding: &Finding) -> anyhow::Result<()> {
        let servers =
            |spans: &[Value]| spans.iter().filter(|span| span["kind"] == 2).cloned().collect::<Vec<_>>();
        wait_for(DEADLINE, || servers(&self.with_nonce(nonce)).len() >= 2);
        let all = export::spans(&self.collector.traces());
        let two = servers(&self.with_nonce(nonce));
        ensure!(two.len() == 2, "{} server spans instead of nginx's and the application's", two.len());
        let parent_of = |span: &Value| {
            all.iter()
                .find(|other| other["spanId"] == span["parentSpanId"] && other["traceId"] == span["traceId"])
                .cloned()
        };
        let related = two.iter().any(|app| {
            // nginx's client span may stand between the two.
            let parent = parent_of(app);
            let grandparent = parent.as_ref().and_then(parent_of);
            let other = two.iter().find(|span| span["spanId"] != app["spanId"]).map(|span| &span["spanId"]);
            [parent, grandparent].into_iter().flatten().any(|span| Some(&span["spanId"]) == other)
        });
        ensure!(related, "nginx's and the application's spans are not parent and child");
        let of_client = two.iter().any(|span| {
            export::attribute(span, "client.address") == Some(&CLIENT.to_string())
                && span["spanId"] != *finding.text("/evidences/0/data/trace/span/uid")
        });
        ensure!(of_client, "nginx's span does not name the client {CLIENT}");
        ensure!(
            two.iter().all(|span| span["traceId"] == trace),
            "the spans are not all in the finding's trace {trace}"
        );
        Ok(())
    }

    fn request_id(&self, nonce: &str) -> anyhow::Result<String> {
        let spans = self.with_nonce(nonce);
        let id = spans
            .iter()
            .filter(|span| span["kind"] == 2)
            .find_map(|span| export::attribute(span, "guardbee.request.id"));
        id.map(str::to_owned).context("the victim's request has no span")
    }

    /// The Collector has the finding too.
    fn logged(&self, finding: &Finding) -> anyhow::Result<()> {
        let id = finding.text("/finding_info/uid");
        ensure!(!id.is_empty(), "the finding has no id");
        let there = wait_for(DEADLINE, || {
            export::logs(&self.collector.logs()).iter().any(|record| record.to_string().contains(id))
        });
        ensure!(there, "the Collector never got finding {id}");
        Ok(())
    }
}

/// Exactly one finding of the shipped rules names the shell.
fn shipped<'a>(findings: &'a Findings, nonce: &'a str) -> anyhow::Result<&'a Finding> {
    let ours = |finding: &&Finding| finding.text("/unmapped/guardbee/rule_source").ends_with("nonce.yml");
    let shipped: Vec<_> = findings.with(nonce).filter(|finding| !ours(finding)).collect();
    let titles: Vec<_> = shipped.iter().map(|finding| finding.text("/finding_info/title")).collect();
    ensure!(
        shipped.len() == 1,
        "{} findings of the shipped rules instead of one: {}",
        shipped.len(),
        titles.join(", ")
    );
    shipped.first().copied().context("no finding")
}

/// The finding is whole, and linked to the request with its nonce; gives the trace.
fn named(finding: &Finding, nonce: &str) -> anyhow::Result<String> {
    let is = |what: &str, pointer: &str, wanted: &str| {
        let told = finding.text(pointer);
        ensure!(told == wanted, "the finding's {what} is {told:?}, not {wanted:?}");
        anyhow::Ok(())
    };
    is("rule", "/finding_info/title", RULE)?;
    is("command", "/evidences/0/process/cmd_line", &format!("sh -c id {nonce}"))?;
    is("route", "/evidences/0/http_request/url/path", "/exec")?;
    is("query", "/evidences/0/http_request/url/query_string", &format!("nonce={nonce}"))?;
    let techniques = finding.event["finding_info"]["attacks"].to_string();
    for technique in TECHNIQUES {
        ensure!(techniques.contains(technique), "the finding does not name {technique}: {techniques}");
    }
    let link = finding.link.as_ref().context("the finding has no link")?;
    ensure!(link.proven(), "the link is {}: {}", link.kind, link.reason);
    let [request] = &link.requests[..] else { bail!("the link names {} requests", link.requests.len()) };
    ensure!(request.nonce.as_deref() == Some(nonce), "the link names {:?}", request.nonce);
    ensure!(!request.span.is_empty(), "the linked request has no span");
    is("request", "/unmapped/guardbee/request_id", &request.id)?;
    Ok(request.trace.clone())
}
