//! Which actions a rule looks at.
use super::{hint, text, unknown_keys};
use crate::{
    field::Kinds,
    parse::{Entry, Node},
    problem::{Problems, nearest, shown},
};

/// What a log source means here.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Actions(Kinds),
    /// Audit records, of which execs and paths are seen.
    Audit,
    /// A webserver's: request or exchange, whichever has the fields that the rule uses.
    Web,
    /// Known or not, nothing here makes such events; says why.
    Nothing(String),
}

/// Keys of `logsource`.
pub(super) const KEYS: &[&str] = &["category", "product", "service", "definition"];

/// Sigma's categories that there is no event for (taxonomy appendix 2.1), to tell them from misspelt ones.
pub(super) const WITHOUT_EVENTS: &[&str] = &[
    "antivirus",
    "application",
    "create_remote_thread",
    "create_stream_hash",
    "database",
    "driver_load",
    "firewall",
    "image_load",
    "network",
    "pipe_created",
    "process_access",
    "process_tampering",
    "proxy",
    "ps_module",
    "ps_script",
    "registry_add",
    "registry_delete",
    "registry_event",
    "registry_set",
    "sysmon_status",
    "wmi_event",
];
pub(super) const WITH_EVENTS: &[&str] = &[
    "process_creation",
    "process_termination",
    "network_connection",
    "webserver",
    "file_access",
    "file_change",
    "file_delete",
    "file_event",
    "file_rename",
    "dns",
    "dns_query",
];
pub(super) const PRODUCTS: &[&str] = &["linux", "guardbee"];
/// Sigma's services of Linux (taxonomy appendix 2.1), to tell them from misspelt ones.
const SERVICES: &[&str] =
    &["auditd", "auth", "clamav", "cron", "guacamole", "sshd", "sudo", "syslog", "sysmon", "vsftpd"];

/// Reads `logsource`. [`None`]: a problem was reported.
pub(super) fn source(rule: &Node, problems: &mut Problems) -> Option<Source> {
    let Some(Entry { node, .. }) = rule.get("logsource") else {
        let within = rule.get("detection").and_then(|detection| detection.node.get("logsource"));
        if let Some(entry) = within {
            problems.error(
                entry.key_mark,
                "`logsource` stands within the detection",
                "move it to the left edge, beside `detection`",
            );
        } else if !hint::misspelt(rule, "logsource") {
            problems.error(
                rule.mark,
                "the rule has no `logsource`",
                "add `logsource: {product: linux, category: process_creation}` or what it looks at",
            );
        }
        return None;
    };
    if node.entries().is_empty() {
        problems.error(
            node.mark,
            format!("`logsource` is a map of category, product and service, not {}", node.kind()),
            "write `logsource: {product: linux, category: process_creation}`",
        );
        return None;
    }
    let before = problems.errors();
    unknown_keys(node.entries(), "`logsource`", KEYS, problems);
    let category = text(node, "category", problems);
    let product = text(node, "product", problems);
    let service = text(node, "service", problems);
    if problems.errors() > before {
        return None;
    }
    if let Some((at, "guardbee")) = product {
        return own(at, service, problems);
    }
    if let Some((at, product)) = product
        && !PRODUCTS.contains(&product)
    {
        if let Some(meant) = nearest(product, PRODUCTS.iter().copied()) {
            let message = format!("unknown product `{}`", shown(product));
            problems.error(at.mark, message, format!("did you mean `{meant}`?"));
            return None;
        }
        return Some(Source::Nothing(format!("it is about {}, not about Linux", shown(product))));
    }
    if let Some((_, "auditd")) = service
        && category.is_none()
    {
        return Some(Source::Audit);
    }
    if let Some((at, service)) = service
        && !sound_service(at, service, product.is_some(), problems)
    {
        return None;
    }
    if let (Some((_, "network")), Some((_, "connection"))) = (category, service) {
        return Some(Source::Actions(Kinds::CONNECTION));
    }
    // Sysmon's events are those of its categories.
    if let Some((_, service)) = service
        && !(service == "sysmon" && category.is_some())
    {
        return Some(Source::Nothing(format!("no event source for the log of `{}`", shown(service))));
    }
    category.map_or_else(
        || Some(Source::Nothing("it searches log files, and no event source reads any".to_owned())),
        |(at, category)| by_category(at, category, problems),
    )
}

/// Whether a service may be one; a problem was reported if not.
fn sound_service(at: &Node, service: &str, of_linux: bool, problems: &mut Problems) -> bool {
    let remedy = if WITH_EVENTS.contains(&service) {
        format!("it is a category: write `category: {service}`")
    } else if of_linux
        && !SERVICES.contains(&service)
        && let Some(meant) = nearest(service, SERVICES.iter().copied())
    {
        format!("did you mean `{meant}`?")
    } else {
        return true;
    };
    problems.error(at.mark, format!("unknown service `{}`", shown(service)), remedy);
    false
}

fn by_category(at: &Node, category: &str, problems: &mut Problems) -> Option<Source> {
    Some(match category {
        "process_creation" => Source::Actions(Kinds::EXEC),
        "process_termination" => Source::Actions(Kinds::EXIT),
        "network_connection" => Source::Actions(Kinds::CONNECTION),
        "dns" | "dns_query" => Source::Actions(Kinds::DNS),
        "webserver" => Source::Web,
        "file_access" => Source::Actions(Kinds::FILE_OPEN),
        "file_change" => Source::Actions(Kinds::FILE_ATTRIBUTE),
        "file_delete" => Source::Actions(Kinds::FILE_DELETE),
        "file_event" => Source::Actions(Kinds::FILE_WRITE),
        "file_rename" => Source::Actions(Kinds::FILE_RENAME),
        other if WITHOUT_EVENTS.contains(&other) => {
            Source::Nothing(format!("no event source yet for `{other}`"))
        }
        other if SERVICES.contains(&other) || Kinds::named(other).is_some() => {
            let remedy = match Kinds::named(other) {
                Some(_) => format!("it is an action of ours: write `product: guardbee`, `service: {other}`"),
                None => format!("it is a service: write `service: {other}`"),
            };
            problems.error(at.mark, format!("unknown category `{}`", shown(other)), remedy);
            return None;
        }
        other => match nearest(other, WITH_EVENTS.iter().chain(WITHOUT_EVENTS).copied()) {
            Some(meant) => {
                let message = format!("unknown category `{}`", shown(other));
                problems.error(at.mark, message, format!("did you mean `{meant}`?"));
                return None;
            }
            None => Source::Nothing(format!("no event source for the category `{}`", shown(other))),
        },
    })
}

/// `product: guardbee` names an action of ours as its service.
fn own(product: &Node, service: Option<(&Node, &str)>, problems: &mut Problems) -> Option<Source> {
    let names = || Kinds::all_names().collect::<Vec<_>>().join(", ");
    let Some((at, service)) = service else {
        problems.error(
            product.mark,
            "`product: guardbee` needs the action as its `service`",
            format!("services are: {}", names()),
        );
        return None;
    };
    let kinds = Kinds::named(service);
    if kinds.is_none() {
        let remedy =
            crate::problem::suggest(service, Kinds::all_names(), format!("services are: {}", names()));
        problems.error(at.mark, format!("unknown service `{}` of guardbee", shown(service)), remedy);
    }
    kinds.map(Source::Actions)
}
