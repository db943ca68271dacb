//! What is known of other crates: threads and tasks that belong to the process, or to a runtime as its own
//! upkeep, and that no initialisation of a `Once` starts.
//!
//! The rules are data: `known.toml` ships with the harness, and a crate may have its own in its manifest,
//! which is looked for when a leak's calls pass through the crate.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use serde::Deserialize;

use super::rules::Rule;
use crate::finding::{Frame, Kind};
use crate::message;

/// By the name of the crate.
type Known = BTreeMap<String, Vec<Rule>>;

/// The rules that ship with the harness.
fn shipped() -> &'static Known {
    static SHIPPED: LazyLock<Known> = LazyLock::new(|| read(include_str!("known.toml")).unwrap_or_default());
    &SHIPPED
}

fn read(text: &str) -> Result<Known, toml::de::Error> {
    toml::from_str(text)
}

/// Why this thread, or task, belongs to the process, if a rule says so.
pub(crate) fn reason(kind: Kind, program: &str, test: &str, name: &str, spawned: &[Frame]) -> Option<String> {
    let find = |rules: &[Rule]| {
        let found = rules.iter().find(|it| it.allows(kind, program, test, name, spawned));
        found.map(|it| it.reason.clone())
    };
    let in_manifests = || {
        let mut manifests: Vec<PathBuf> =
            spawned.iter().filter_map(|it| manifest(it.file.as_ref()?)).collect();
        manifests.dedup();
        manifests.iter().find_map(|it| find(&of_manifest(it)))
    };
    shipped().values().find_map(|it| find(it)).or_else(in_manifests)
}

/// The manifest of the package that a source file is in.
fn manifest(file: &str) -> Option<PathBuf> {
    let path = Path::new(file);
    let mut manifests = path.ancestors().skip(1).map(|it| it.join("Cargo.toml"));
    path.is_absolute().then(|| manifests.find(|it| it.is_file())).flatten()
}

/// The rules in a manifest, read once.
fn of_manifest(path: &Path) -> Arc<Vec<Rule>> {
    static READ: Mutex<BTreeMap<PathBuf, Arc<Vec<Rule>>>> = Mutex::new(BTreeMap::new());
    let mut all = READ.lock().unwrap_or_else(PoisonError::into_inner);
    let rules = all.entry(path.to_owned()).or_insert_with(|| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let rules = in_manifest(&text).unwrap_or_else(|error| {
            message::say(&format!(
                "highwater-leaktest: warning: package.metadata.highwater.leaktest in {} is not used: {error}\n",
                path.display()
            ));
            Vec::new()
        });
        Arc::new(rules)
    });
    Arc::clone(rules)
}

/// `[[package.metadata.highwater.leaktest.allow]]`, with the keys of a rule of `highwater.toml`.
fn in_manifest(text: &str) -> Result<Vec<Rule>, toml::de::Error> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Leaktest {
        allow: Vec<Rule>,
    }
    // What other tools keep beside it is theirs, and need not be understood.
    let manifest: toml::Table = toml::from_str(text)?;
    let mut value = Some(&toml::Value::Table(manifest)).cloned();
    for key in ["package", "metadata", "highwater", "leaktest"] {
        value = value.and_then(|it| it.get(key).cloned());
    }
    value.map_or_else(|| Ok(Vec::new()), |it| it.try_into::<Leaktest>().map(|it| it.allow))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Origin;

    fn frames(functions: &[&str]) -> Vec<Frame> {
        functions.iter().map(|it| Frame::without_place(it, Origin::Dependency)).collect()
    }

    fn why(kind: Kind, name: &str, functions: &[&str]) -> Option<String> {
        reason(kind, "program", "test", name, &frames(functions))
    }

    #[test]
    fn a_crate_s_own_tests_with_line_tables_only_are_known_by_files() {
        let call = |function: &str, file: &str| Frame {
            function: function.to_owned(),
            file: Some(file.to_owned()),
            line: Some(1),
            origin: Origin::Own,
        };
        for (pooled, own) in [
            ("/w/wiremock-0.6.5/src/mock_server/pool.rs", "/w/wiremock-0.6.5/src/mock_server/bare_server.rs"),
            ("/w/mockito/src/server_pool.rs", "/w/mockito/src/server.rs"),
            ("/w/httpmock-0.9.0/src/common/pool.rs", "/w/httpmock-0.9.0/src/api/server.rs"),
        ] {
            let of = |file| {
                reason(Kind::Thread, "lib", "t", "t", &[call("{{closure}}", file), call("a", "/w/t.rs")])
            };
            assert!(of(pooled).is_some() && of(own).is_none(), "{pooled}");
        }
        for task in ["actix_rt::system::SystemController", "actix_rt::arbiter::ArbiterRunner"] {
            let spawned = [call("with_tokio_rt", "/w/actix-rt-2.15.0/src/system.rs")];
            assert!(reason(Kind::Task, "tests", "t", task, &spawned).is_some(), "{task}");
        }
        let spawned = [call("{{closure}}", "/w/actix-rt-2.15.0/tests/tests.rs")];
        assert_eq!(reason(Kind::Task, "tests", "t", "tests::forever::{async_block}", &spawned), None);
    }

    #[test]
    fn every_rule_that_ships_is_read_and_has_a_reason() {
        let known = read(include_str!("known.toml")).expect("the file is well-formed");
        assert!(
            known.values().flatten().all(|it| !it.reason.trim().is_empty() && it.is_of_what_is_started())
        );
        let tested: Vec<&str> = KNOWN.iter().map(|it| it.0).collect();
        assert!(known.keys().all(|it| tested.contains(&it.as_str())), "each crate has a test");
    }

    /// A crate, what it starts, its name, and the calls that start it, by its sources; `false` for what is
    /// the test's own.
    type Case = (&'static str, Kind, &'static str, &'static [&'static str], bool);

    const KNOWN: &[Case] = &[
        (
            "actix-rt",
            Kind::Task,
            "actix_rt::arbiter::ArbiterRunner",
            &[
                "tokio::task::local::spawn_local",
                "actix_rt::spawn",
                "actix_rt::arbiter::Arbiter::in_new_system",
                "actix_rt::system::System::with_tokio_rt::{{closure}}",
            ],
            true,
        ),
        (
            "actix-rt",
            Kind::Task,
            "",
            &[
                "tokio::task::local::LocalSet::spawn_local",
                "actix_rt::runtime::Runtime::spawn",
                "actix_rt::system::System::with_tokio_rt",
                "actix_rt::system::System::new",
                "mine::tests::a",
            ],
            true,
        ),
        (
            "actix-rt",
            Kind::Task,
            "mine::keepalive::{async_fn}",
            &["tokio::task::local::spawn_local", "actix_rt::spawn", "mine::tests::a::{{closure}}"],
            false,
        ),
        (
            "async-process",
            Kind::Thread,
            "async-process",
            &[
                "async_process::Reaper::start_driver_thread",
                "async_process::Reaper::ensure_driven",
                "mine::a",
            ],
            true,
        ),
        // With line tables only.
        ("async-process", Kind::Thread, "async-process", &["async_process::start_driver_thread"], true),
        (
            "httpmock",
            Kind::Thread,
            "tests::a",
            &[
                "httpmock::api::server::LOCAL_SERVER_ADAPTER_GENERATOR::{{closure}}",
                "httpmock::server::util::Pool::take_or_create::{{closure}}",
                "httpmock::api::server::MockServer::start_async::{{closure}}",
                "mine::tests::a",
            ],
            true,
        ),
        (
            "httpmock",
            Kind::Thread,
            "tests::a",
            &["httpmock::standalone::start_standalone_server", "mine::a"],
            false,
        ),
        (
            "mockito",
            Kind::Thread,
            "tests::a",
            &[
                "mockito::server::Server::try_new_with_opts_async::{{closure}}",
                "mockito::server_pool::ServerPool::get_async::{{closure}}",
                "mine::tests::a",
            ],
            true,
        ),
        // It bypasses the pool.
        (
            "mockito",
            Kind::Thread,
            "tests::a",
            &[
                "mockito::server::Server::try_new_with_opts",
                "mockito::server::Server::new_with_opts",
                "mine::a",
            ],
            false,
        ),
        (
            "wiremock",
            Kind::Thread,
            "tests::a",
            &[
                "wiremock::mock_server::bare_server::BareMockServer::start::{{closure}}",
                "<wiremock::mock_server::pool::MockServerPoolManager as deadpool::managed::Manager>::create::{{closure}}",
                "wiremock::mock_server::pool::get_pooled_mock_server::{{closure}}",
                "mine::tests::a::{{closure}}",
            ],
            true,
        ),
        // One that is built by hand ends when it is dropped.
        (
            "wiremock",
            Kind::Thread,
            "tests::a",
            &[
                "wiremock::mock_server::bare_server::BareMockServer::start::{{closure}}",
                "mine::tests::a::{{closure}}",
            ],
            false,
        ),
        (
            "tokio",
            Kind::Descriptor,
            "epoll",
            &[
                "mio::sys::unix::selector::Selector::new",
                "tokio::runtime::io::driver::Driver::new",
                "tokio::runtime::builder::Builder::build",
                "mine::tests::a",
            ],
            true,
        ),
        (
            "tokio",
            Kind::Descriptor,
            "eventfd",
            &[
                "mio::sys::unix::waker::Waker::new",
                "tokio::runtime::builder::Builder::build",
                "mine::tests::a",
            ],
            true,
        ),
        (
            "tokio",
            Kind::Descriptor,
            "socket unix",
            &["mio::net::uds::UnixStream::try_clone", "tokio::runtime::signal::Driver::new", "mine::a"],
            true,
        ),
        // One that is made by hand, by a task.
        (
            "tokio",
            Kind::Descriptor,
            "epoll",
            &[
                "mio::poll::Poll::new",
                "mine::serve::{{closure}}",
                "tokio::runtime::runtime::Runtime::block_on",
                "mine::a",
            ],
            false,
        ),
        (
            "tokio",
            Kind::Descriptor,
            "socket tcp 127.0.0.1:4711 to 127.0.0.1:80",
            &["tokio::net::tcp::stream::TcpStream::connect", "mine::serve::{{closure}}"],
            false,
        ),
        (
            "bb8",
            Kind::Descriptor,
            "socket tcp 127.0.0.1:1 to 127.0.0.1:2",
            &["db::connect", "bb8::inner::PoolInner::add_connection"],
            true,
        ),
        (
            "deadpool",
            Kind::Descriptor,
            "socket unix",
            &["db::connect", "deadpool::managed::Pool::try_create"],
            true,
        ),
        (
            "sqlx-core",
            Kind::Descriptor,
            "socket unix",
            &["sqlx_core::net::socket::connect", "sqlx_core::pool::inner::PoolInner::connect"],
            true,
        ),
        (
            "sqlx-core",
            Kind::Descriptor,
            "file /tmp/a.db",
            &["sqlx_core::pool::inner::PoolInner::connect"],
            false,
        ),
    ];

    #[test]
    fn what_is_the_processs_is_told_from_what_is_the_tests() {
        for (krate, kind, name, functions, expected) in KNOWN {
            assert_eq!(why(*kind, name, functions).is_some(), *expected, "{krate}: {functions:?}");
        }
    }

    #[test]
    fn a_crate_may_ship_rules_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let source = directory.path().join("src/pool.rs");
        fs::create_dir_all(source.parent().unwrap()).unwrap();
        let text = "[package]\nname = \"own\"\n[[package.metadata.highwater.leaktest.allow]]\n\
                    threads = \"own-pool-*\"\nreason = \"the pool of the process\"\n\
                    [package.metadata.other]\nx = 1\n";
        fs::write(directory.path().join("Cargo.toml"), text).unwrap();
        let mut frames = frames(&["own::pool::grow"]);
        frames[0].file = Some(source.display().to_string());
        let why = |name| reason(Kind::Thread, "program", "test", name, &frames);
        assert_eq!(why("own-pool-1").as_deref(), Some("the pool of the process"));
        assert_eq!(why("other"), None);
        assert!(in_manifest("[package.metadata.highwater.leaktest]\nallow = 3").is_err());
        assert_eq!(in_manifest("[package]\nname = \"a\"").unwrap().len(), 0);
    }
}
