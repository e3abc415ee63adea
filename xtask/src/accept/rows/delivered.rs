//! Row a: nginx in front of gunicorn is attacked; the Collector gets the spans and the finding that names the request.
use crate::accept::{
    collector::Collector,
    driver, export,
    findings::{Finding, Findings},
    http::Connection,
    lab::Lab,
    process::wait_for,
    sensor::{Options, Sensor},
    table::{Line, Table, Verdict},
    target::{Server, Target},
};
use anyhow::{Context as _, ensure};
use serde_json::Value;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(10);
/// W3C Trace Context's own example.
const CLAIMED: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const VICTIM: &str = "0af7651916cd43dd8448eb211c80319c";

pub(super) fn run(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    let collector = Collector::start(lab)?;
    let sensor = Sensor::start(
        lab,
        &Options { shipped_rules: true, collector: Some(&collector), ..Options::default() },
    )?;
    for server in [Server::NginxTcp, Server::NginxUnix] {
        if !lab.wanted(server.name()) {
            continue;
        }
        let target = Target::start(lab, server)?;
        let scene = Scene { lab, target, collector: &collector, sensor: &sensor };
        for run in [Run::Plain, Run::Claimed, Run::Forged] {
            let began = Instant::now();
            let (passed, figure) = match scene.run(run) {
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
    }
    sensor.stop()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    Plain,
    Claimed,
    Forged,
}

impl Run {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "no trace",
            Self::Claimed => "traced",
            Self::Forged => "forged",
        }
    }
}

struct Scene<'a> {
    lab: &'a Lab,
    target: Target,
    collector: &'a Collector,
    sensor: &'a Sensor,
}

impl Scene<'_> {
    /// The figure, or what is not as it should be.
    fn run(&self, run: Run) -> anyhow::Result<String> {
        let mut connection = Connection::open(self.target.port)?;
        let victim = if run == Run::Forged {
            let mut own = Connection::open(self.target.port)?;
            let headers = format!("traceparent: 00-{VICTIM}-b7ad6b7169203331-01\r\n");
            Some(driver::ask(&mut own, false, self.lab.nonce(), &headers)?.0)
        } else {
            None
        };
        let headers = match run {
            Run::Plain => String::new(),
            Run::Claimed => format!("traceparent: 00-{CLAIMED}-00f067aa0ba902b7-01\r\n"),
            Run::Forged => format!("traceparent: 00-{VICTIM}-b7ad6b7169203331-00\r\n"),
        };
        let (attack, _) = driver::ask(&mut connection, true, self.lab.nonce(), &headers)?;
        let mut findings = self.sensor.findings();
        wait_for(DEADLINE, || {
            findings.read();
            shipped(&findings, &attack.nonce).is_ok()
        });
        wait_for(DEADLINE, || findings.resolve(&self.sensor.records));
        let finding = shipped(&findings, &attack.nonce)?;
        let trace = named(finding, &attack.nonce)?;
        if run == Run::Claimed {
            ensure!(trace == CLAIMED, "the finding's trace is {trace}, not the caller's");
        }
        self.spans(&attack.nonce, &trace)?;
        if let Some(victim) = victim {
            let ours = finding
                .link
                .as_ref()
                .and_then(|link| link.requests.first())
                .map(|request| request.id.clone());
            let theirs = self.request_id(&victim.nonce)?;
            ensure!(
                ours.as_deref() != Some(theirs.as_str()),
                "the finding landed on the victim's request {theirs}"
            );
        }
        self.logged(finding)?;
        let kind = finding.link.as_ref().map(|link| link.kind.as_str()).unwrap_or_default();
        Ok(format!("{kind} link, trace {}", trace.get(..8).unwrap_or(&trace)))
    }

    fn with_nonce(&self, nonce: &str) -> Vec<Value> {
        let mut spans = export::spans(&self.collector.traces());
        spans.retain(|span| export::attribute(span, "url.query").is_some_and(|query| query.contains(nonce)));
        spans
    }

    /// nginx's server span, and the application's as its child.
    fn spans(&self, nonce: &str, trace: &str) -> anyhow::Result<()> {
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
    for (what, pointer) in [
        ("rule", "/finding_info/title"),
        ("parent process", "/evidences/0/process/parent_process/cmd_line"),
        ("request id", "/unmapped/guardbee/request_id"),
        ("route", "/evidences/0/http_request/url/path"),
    ] {
        ensure!(!finding.text(pointer).is_empty(), "the finding has no {what}");
    }
    // Over a unix socket the address is only what nginx says of it.
    let client = ["/evidences/0/src_endpoint/ip", "/evidences/0/http_request/x_forwarded_for/0"];
    ensure!(
        client.iter().any(|pointer| finding.text(pointer) == "127.0.0.1"),
        "the finding has no client address"
    );
    let techniques = finding.event["finding_info"]["attacks"].to_string();
    ensure!(
        techniques.contains("T1059"),
        "the finding names no ATT&CK technique of command interpreters: {techniques}"
    );
    let link = finding.link.as_ref().context("the finding has no link")?;
    ensure!(link.proven(), "the link is {}: {}", link.kind, link.reason);
    let request = link.requests.first().context("the link names no request")?;
    ensure!(request.nonce.as_deref() == Some(nonce), "the link names {:?}", request.nonce);
    ensure!(!request.span.is_empty(), "the linked request has no span");
    Ok(request.trace.clone())
}
