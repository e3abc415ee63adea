//! Whom a record is about: the traced process for spans, the sensor for findings and statements.
use super::Identity;
use guardbee_model::{container::Container, process::Process, record::Resource};
use std::{borrow::Cow, collections::VecDeque, sync::Arc};

/// Programs whose resource is remembered; more than a node usually serves requests with.
const REMEMBERED: usize = 64;

/// The resources of the programs that were seen last: most spans are of few programs, and share theirs.
#[derive(Clone, Debug, Default)]
pub(super) struct Resources {
    known: VecDeque<Known>,
    unknown: Option<Arc<Resource>>,
}

#[derive(Clone, Debug)]
struct Known {
    exe: Arc<[u8]>,
    container: Option<Arc<Container>>,
    resource: Arc<Resource>,
}

impl Resources {
    /// The resource of a traced process, or of one that nothing is known of.
    pub(super) fn of(&mut self, process: Option<&Process>, identity: &Identity) -> Arc<Resource> {
        let Some(process) = process else {
            let resource = self.unknown.get_or_insert_with(|| Arc::new(of_process(None, identity)));
            return Arc::clone(resource);
        };
        let same = |known: &&Known| known.exe == process.exe && known.container == process.container;
        if let Some(known) = self.known.iter().find(same) {
            return Arc::clone(&known.resource);
        }
        let resource = Arc::new(of_process(Some(process), identity));
        self.known.truncate(REMEMBERED - 1);
        let (exe, container) = (Arc::clone(&process.exe), process.container.clone());
        self.known.push_front(Known { exe, container, resource: Arc::clone(&resource) });
        resource
    }
}

type Attribute = (Cow<'static, str>, Box<str>);

/// The sensor itself.
pub(super) fn of_sensor(identity: &Identity) -> Resource {
    let mut attributes = common(identity);
    attributes.push(("service.instance.id".into(), identity.instance.clone()));
    attributes.push(("service.name".into(), "guardbee".into()));
    attributes.push(("service.version".into(), identity.version.clone()));
    sorted(attributes)
}

/// A traced process, named by OpenTelemetry's fallback rule: nothing on the node says a better name. One resource for
/// all workers of a program in a container, so that a prefork server is one service.
fn of_process(process: Option<&Process>, identity: &Identity) -> Resource {
    let mut attributes = common(identity);
    let name = process.map(Process::name).unwrap_or_default();
    let service =
        if name.is_empty() { "unknown_service".to_owned() } else { format!("unknown_service:{name}") };
    attributes.push(("service.name".into(), service.into()));
    match process.and_then(|process| process.container.as_ref()) {
        Some(container) => {
            attributes.push(("container.id".into(), container.id.clone()));
            attributes.push(("service.instance.id".into(), container.id.clone()));
            if !container.runtime.is_empty() {
                attributes.push(("container.runtime".into(), container.runtime.clone()));
            }
            if let Some(pod) = &container.pod {
                attributes.push(("k8s.pod.uid".into(), pod.uid.clone()));
            }
        }
        None => attributes.push(("service.instance.id".into(), identity.host.clone())),
    }
    sorted(attributes)
}

fn common(identity: &Identity) -> Vec<Attribute> {
    vec![
        ("host.name".into(), identity.host.clone()),
        ("telemetry.sdk.language".into(), "rust".into()),
        ("telemetry.sdk.name".into(), "guardbee".into()),
        ("telemetry.sdk.version".into(), identity.version.clone()),
    ]
}

fn sorted(mut attributes: Vec<Attribute>) -> Resource {
    attributes.sort();
    Resource { attributes }
}
