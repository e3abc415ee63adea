//! Findings and spans for people, as text; writing it is the caller's business.
//!
//! What is shown was chosen by attackers, so no character that moves a terminal's cursor or turns text around gets through.
use crate::record::{self, http, text};
use guardbee_model::{
    clock::WallOffset,
    finding::{Action, Finding, Level, Repeats},
    link::Link,
    process::{Process, User},
    request::{Request, TraceSource},
    socket::Endpoint,
    span::{Span, SpanKind},
    text::said,
};
use std::{
    borrow::Cow,
    fmt::{self, Write as _},
    sync::Arc,
};

/// Longest text shown in a line, in bytes.
const LONGEST: usize = 400;
/// Processes shown of a chain.
const CHAIN: usize = 6;

/// Whether to use colour: only where it is seen, on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// ANSI sequences for the level.
    Ansi,
    /// None.
    Plain,
}

/// A finding, over several lines.
pub fn finding(finding: &Finding, offset: WallOffset, colour: Colour) -> String {
    let mut out = String::new();
    match write_finding(&mut out, finding, offset, colour) {
        Ok(()) | Err(fmt::Error) => out, // writing to a string can't fail
    }
}

fn write_finding(out: &mut String, finding: &Finding, offset: WallOffset, colour: Colour) -> fmt::Result {
    let rule = &finding.rule;
    let (on, off) = level_colour(rule.level, colour);
    let level = rule.level.name().to_uppercase();
    let title = if rule.title.is_empty() { &rule.name } else { &rule.title };
    write!(out, "{} {on}{level}{off} {}", record::timestamp(offset.wall(finding.time)), safe(title))?;
    let techniques: Vec<String> = rule.techniques().collect();
    if !techniques.is_empty() {
        write!(out, "  {}", safe(&techniques.join(" ")))?;
    }
    out.push('\n');
    if let Some(last) = finding.evidence.last() {
        if let Some(process) = &last.process {
            line(out, "process", &chain(process, &last.ancestors))?;
            line(out, "command", &record::command_line(&process.args))?;
            line(out, "user", &who(process))?;
        }
        if let Action::Connect(connect) | Action::Datagram(connect) = &last.action {
            let remote = connect.socket.remote.to_string();
            let name = said(&connect.name);
            line(
                out,
                last.action.name(),
                &if name.is_empty() { remote } else { format!("{remote} ({name})") },
            )?;
        }
        if let Action::File(event) = &last.action {
            let source = if event.source.is_empty() {
                String::new()
            } else {
                record::file::path(&event.source) + " > "
            };
            let failed = event.error_type().map_or(String::new(), |word| format!(" ({word})"));
            line(out, "file", &format!("{source}{}{failed}", record::file::path(&event.path)))?;
            line(out, "as", &record::file::path(&event.given))?;
        }
        if let Action::System(done, target) = &last.action {
            line(out, "did", &record::system::line(done, target.as_deref()))?;
            line(out, "to", &record::system::whom(done, target.as_deref()))?;
        }
    }
    if let Some(link) = finding.link() {
        linked(out, link)?;
    }
    for loss in &finding.losses {
        let shown = format!("{} {} lost ({}: {})", loss.count, loss.kind, loss.stage.name(), loss.cause);
        line(out, "evidence", &shown)?;
    }
    if let Some(Repeats { count, first, .. }) = finding.repeats {
        let since = record::timestamp(offset.wall(first));
        line(out, "repeated", &format!("the last of {count} since {since} that were not told on their own"))?;
    }
    line(out, "joined", finding.joined.unwrap_or_default())?;
    line(out, "rule", &rule.source)?;
    line(out, "finding", &finding.id.to_string())
}

fn linked(out: &mut String, link: &Link) -> fmt::Result {
    for request in &link.requests {
        line(out, "request", &shown_request(request))?;
    }
    if link.more > 0 {
        line(out, "request", &format!("and {} more", link.more))?;
    }
    line(out, "link", &format!("{}: {}", link.kind.name(), link.reason))?;
    if let Some(request) = link.request() {
        let claimed = match request.trace.source {
            TraceSource::ClientClaimed => " (the id was chosen by the client)",
            TraceSource::Own | TraceSource::Local => "",
        };
        line(out, "trace", &format!("{} span {}{claimed}", request.trace.trace, request.trace.span))?;
    }
    Ok(())
}

/// One line of a finding; empty ones are left out.
fn line(out: &mut String, name: &str, value: &str) -> fmt::Result {
    if value.is_empty() { Ok(()) } else { writeln!(out, "  {name:<9}{}", safe(value)) }
}

/// Oldest first: `init(1) > python3(41) > sh(4312)`.
fn chain(process: &Arc<Process>, ancestors: &[Arc<Process>]) -> String {
    let omitted = if ancestors.len() >= CHAIN { "... > " } else { "" };
    let shown: Vec<String> = std::iter::once(process)
        .chain(ancestors.iter().take(CHAIN - 1))
        .map(|process| format!("{}({})", process.name(), process.key.tgid))
        .collect();
    let shown: Vec<&str> = shown.iter().rev().map(String::as_str).collect();
    format!("{omitted}{}", shown.join(" > "))
}

fn who(process: &Process) -> String {
    let mut who = process.credentials.uid.to_string();
    if let Some(User { name, .. }) = &process.user {
        who = format!("{name} ({who})");
    }
    if let Some(container) = &process.container {
        who = format!("{who} in container {}", container.id.get(..12).unwrap_or(&container.id));
        if let Some(image) = process.configured.as_ref().and_then(|known| known.image.as_ref()) {
            who = format!("{who} of {}", said(image.reference.as_bytes()));
        }
    }
    who
}

fn shown_request(request: &Request) -> String {
    let mut shown = format!("{} {}", said(&request.method), target(request));
    match &request.client {
        Endpoint::Unix(path) if path.is_empty() => {}
        client => shown = format!("{shown} from {client}"),
    }
    if !request.forwarded_for.is_empty() {
        shown = format!("{shown} (which says it forwards for {})", said(&request.forwarded_for));
    }
    format!("{shown}, request {}", request.id)
}

fn target(request: &Request) -> String {
    match &request.query {
        Some(query) => format!("{}?{}", said(&request.path), http::shown_query(query)),
        None => said(&request.path).into_owned(),
    }
}

/// A span, in one line.
pub fn span(span: &Span, offset: WallOffset) -> String {
    let request = &span.request;
    let kind = match span.kind {
        SpanKind::Server => "server",
        SpanKind::Client => "client",
    };
    let status = match span.response.filter(|response| response.status != 0) {
        Some(response) => response.status.to_string(),
        None if span.incomplete => "?".into(),
        None => "no answer".into(),
    };
    let micros = span.end.since(request.start) / 1000;
    let place = match span.kind {
        SpanKind::Server => target(request),
        SpanKind::Client => http::full_url(request),
    };
    let by = span.process.as_ref().map(|by| format!(" {}({})", by.name(), by.key.tgid)).unwrap_or_default();
    let shown = format!(
        "{} {kind} {} {place} {status} {}.{:03} ms{by} trace {} request {}",
        record::timestamp(offset.wall(request.start)),
        said(&request.method),
        micros / 1000,
        micros % 1000,
        request.trace.trace,
        request.id
    );
    format!("{}\n", safe(&shown))
}

const fn level_colour(level: Level, colour: Colour) -> (&'static str, &'static str) {
    let on = match (colour, level) {
        (Colour::Plain, _) => return ("", ""),
        (Colour::Ansi, Level::Critical) => "\x1b[1;37;41m",
        (Colour::Ansi, Level::High) => "\x1b[1;31m",
        (Colour::Ansi, Level::Medium) => "\x1b[33m",
        (Colour::Ansi, Level::Low | Level::Informational) => "\x1b[36m",
    };
    (on, "\x1b[0m")
}

/// Text without characters that control a terminal, reorder text or can't be seen; bounded.
fn safe(raw: &str) -> Cow<'_, str> {
    let bounded = text::bounded_to(raw, LONGEST);
    if !bounded.chars().any(unsafe_to_show) {
        return bounded;
    }
    let mut out = String::with_capacity(bounded.len() + 16);
    for character in bounded.chars() {
        if unsafe_to_show(character) {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

/// Controls (general category Cc), and the format characters that hide or reorder: zero width, bidirectional, tags.
fn unsafe_to_show(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_are_not_driven_by_what_is_shown() {
        assert_eq!(safe("a\x1b[2Jb\r\n\u{202e}c\u{9b}ä"), r"a\u{1b}[2Jb\u{d}\u{a}\u{202e}c\u{9b}ä");
        assert!(matches!(safe("plain ä"), Cow::Borrowed(_)));
    }
}
