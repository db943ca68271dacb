//! The identity of a profiled process: host, container, process, program, version, and labels from the
//! environment.
//!
//! Everything is read once, at the first use. A label may contain any text, so code that sends labels must
//! escape them for its receiver.

mod labels;
mod place;

use std::collections::BTreeMap;
use std::env;
use std::path::Path;
use std::process;
use std::sync::OnceLock;

use highwater_profile::Profile;
use highwater_recorder::own_memory;

use labels::Labels;

/// Environment variables that identify a program.
pub const IDENTITY_VARIABLES: &[&str] = &[
    "HIGHWATER_LABELS",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_SERVICE_NAME",
    "POD_NAME",
    "POD_NAMESPACE",
    "HOSTNAME",
];

/// The prefix of a label's key in [`Who::facts`].
const LABEL: &str = "label.";

/// The identity of a profiled process. A field is `None` if it is unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Who {
    /// The name of the machine, or of the container.
    pub host: Option<String>,
    /// The Kubernetes pod: `POD_NAME`, the attribute `k8s.pod.name`, or the host name inside a cluster.
    pub pod: Option<String>,
    /// The namespace of the pod: `POD_NAMESPACE`, the attribute `k8s.namespace.name`, or the namespace of its
    /// service account.
    pub namespace: Option<String>,
    /// The id of the container, as in `docker` and similar tools.
    pub container: Option<String>,
    /// The process id inside the process's own namespace.
    pub process: u32,
    /// `OTEL_SERVICE_NAME`, the attribute `service.name`, or the name of the program's file.
    pub program: String,
    /// The argument of [`set_version`], the attribute `service.version`, or the build id of the program.
    pub version: Option<String>,
    /// The other attributes of `OTEL_RESOURCE_ATTRIBUTES`, and the labels of `HIGHWATER_LABELS`, which take
    /// precedence.
    pub labels: BTreeMap<String, String>,
    /// The parts of these variables that could not be used, and why, in one sentence each.
    pub notes: Vec<String>,
}

/// The version from [`set_version`].
static VERSION: OnceLock<String> = OnceLock::new();

/// Facts that do not change while the process runs.
static READ: OnceLock<Who> = OnceLock::new();

/// Sets the version of the application for all profiles from now on. Only the first call has an effect; later
/// calls return false.
pub fn set_version(version: impl Into<String>) -> bool {
    let version = version.into();
    // It is kept until the process ends.
    own_memory(|| VERSION.set(version.as_str().to_owned())).is_ok()
}

/// The identity of this process.
pub fn who() -> Who {
    // The child of a fork must not wait for a lock: it uses the stored value, or reads everything again.
    if READ.get().is_none() {
        own_memory(|| drop(READ.set(Who::read(&|name| env::var_os(name)?.into_string().ok()))));
    }
    let mut who = READ.get().cloned().unwrap_or_default();
    who.process = process::id();
    if let Some(version) = VERSION.get() {
        who.version = Some(version.clone());
    }
    who
}

impl Who {
    /// `variable` reads an environment variable.
    fn read(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).map(|it| it.trim().to_owned()).filter(|it| !it.is_empty());
        let mut labels = Labels::default();
        for name in ["HIGHWATER_LABELS", "OTEL_RESOURCE_ATTRIBUTES"] {
            labels.add(name, variable(name).as_deref().unwrap_or_default());
        }
        let Labels { mut known, notes } = labels;
        let host = place::host().or_else(|| set("HOSTNAME"));
        let in_cluster = set("KUBERNETES_SERVICE_HOST").is_some();
        let mut attribute = |name: &str| known.remove(name);
        let [pod, namespace, container, service, version] =
            ["k8s.pod.name", "k8s.namespace.name", "container.id", "service.name", "service.version"]
                .map(&mut attribute);
        let host = attribute("host.name").or(host);
        Self {
            pod: set("POD_NAME").or(pod).or_else(|| host.clone().filter(|_| in_cluster)),
            namespace: set("POD_NAMESPACE").or(namespace).or_else(place::namespace),
            container: container.or_else(place::container),
            host,
            process: process::id(),
            program: set("OTEL_SERVICE_NAME").or(service).unwrap_or_else(program),
            version: version.or_else(build_id),
            labels: known,
            notes,
        }
    }

    /// All known facts without the notes, by name: `host`, `pod`, `namespace`, `container`, `process_id`,
    /// `program`, `version`, and `label.KEY` for each label.
    pub fn facts(&self) -> BTreeMap<String, String> {
        let own = [
            ("host", self.host.clone()),
            ("pod", self.pod.clone()),
            ("namespace", self.namespace.clone()),
            ("container", self.container.clone()),
            ("process_id", Some(self.process.to_string())),
            ("program", Some(self.program.clone()).filter(|it| !it.is_empty())),
            ("version", self.version.clone()),
        ];
        let own = own.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?)));
        own.chain(self.labels.iter().map(|(key, text)| (format!("{LABEL}{key}"), text.clone()))).collect()
    }

    /// Adds the identity to a profile: the facts for programs, the notes as remarks for people.
    pub fn add_to(&self, profile: &mut Profile) {
        profile.identity = self.facts();
        profile.comments.extend(self.notes.iter().cloned());
    }
}

/// The name of the program's file.
fn program() -> String {
    let file = env::current_exe().ok();
    let stem = file.as_deref().and_then(Path::file_stem).map(|it| it.to_string_lossy().into_owned());
    // The kernel adds this suffix if the file was replaced or deleted.
    let stem = stem.map(|it| it.strip_suffix(" (deleted)").unwrap_or(&it).to_owned());
    stem.unwrap_or_else(|| "unknown".to_owned())
}

/// The build id of the program, in hexadecimal digits.
fn build_id() -> Option<String> {
    let mut found = None;
    highwater_unwind::visit_modules(|module| {
        let is_program = module.path.is_empty() || module.path == b"/proc/self/exe";
        if found.is_none() && is_program && !module.build_id.is_empty() {
            found = Some(module.build_id.iter().map(|byte| format!("{byte:02x}")).collect());
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Who {
        Who::read(&|name| variables.iter().find(|it| it.0 == name).map(|it| it.1.to_owned()))
    }

    #[test]
    fn the_environment_identifies_a_program() {
        let attributes =
            "service.name=other,service.version=1.4.2,team=core%2C%20data,k8s.pod.name=pod-b,zone=a";
        let who = read(&[
            ("OTEL_SERVICE_NAME", "checkout"),
            ("OTEL_RESOURCE_ATTRIBUTES", attributes),
            ("HIGHWATER_LABELS", "zone=b,tier=1"),
            ("POD_NAMESPACE", "shop"),
        ]);
        assert_eq!((who.program.as_str(), who.version.as_deref()), ("checkout", Some("1.4.2")));
        assert_eq!((who.pod.as_deref(), who.namespace.as_deref()), (Some("pod-b"), Some("shop")));
        let labels = [("team", "core, data"), ("tier", "1"), ("zone", "b")];
        assert_eq!(who.labels, labels.map(|(key, text)| (key.to_owned(), text.to_owned())).into());
        let facts = who.facts();
        assert_eq!(facts["label.team"], "core, data");
        assert_eq!(facts["process_id"], process::id().to_string());
        assert!(who.notes.is_empty(), "{:?}", who.notes);
        // Without variables, there is still a program, and a version that identifies its build.
        let who = read(&[]);
        assert!(who.program.starts_with("highwater-") && who.labels.is_empty(), "{who:?}");
        assert_eq!(who.pod, None);
        let in_cluster =
            read(&[("KUBERNETES_SERVICE_HOST", "10.0.0.1"), ("OTEL_RESOURCE_ATTRIBUTES", "host.name=web-3")]);
        assert_eq!(in_cluster.pod.as_deref(), Some("web-3"));
    }

    #[test]
    fn a_profile_identifies_its_process() {
        let mut who = read(&[("HIGHWATER_LABELS", "team=core,nonsense")]);
        who.version = Some("7".to_owned());
        let mut profile = Profile::new(vec![highwater_profile::ValueType::new("samples", "count")]);
        who.add_to(&mut profile);
        let mut file = Vec::new();
        highwater_profile::pprof::write(&profile, &mut file).unwrap();
        let read = highwater_profile::read(&file, &Default::default()).unwrap();
        assert_eq!(read.identity, who.facts());
        assert_eq!((read.identity["version"].as_str(), read.samples.len(), read.meta), ("7", 0, None));
        assert!(read.comments[0].contains("`nonsense`"), "{:?}", read.comments);
    }
}
