//! Starts and stops the agent.

use std::fmt;
use std::sync::Arc;
use std::thread;

use highwater::Background;
use highwater_recorder::own_memory;
use tokio::runtime::{self, Runtime};
use tokio::sync::Notify;

use crate::access::Access;
use crate::address::{Address, UNIX};
use crate::captures::Captures;
use crate::counts::Counts;
use crate::endpoint;
use crate::error::Error;
use crate::listener::Listener;
use crate::mounted::Pages;
use crate::server;
use crate::service::{Engine, Service};
use crate::watch::{self, Watch, Watching};

/// A running agent. Dropping this does not stop it: it runs until the process ends or until [`Agent::stop`].
#[derive(Debug)]
pub struct Agent {
    address: Address,
    stop: Arc<Notify>,
    thread: Background,
    watching: Option<Watching>,
}

impl Agent {
    /// A builder for an agent with other than default settings.
    pub fn builder() -> AgentBuilder {
        AgentBuilder::default()
    }

    /// The address on which the agent listens. If port 0 was requested, this has the port that the system
    /// chose.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Stops the agent with all running requests, and removes the file of its Unix socket. In the child of a
    /// fork, this does nothing: the agent belongs to the parent, and keeps running there.
    pub fn stop(self) {
        if !self.thread.is_here() {
            return;
        }
        if let Some(watching) = self.watching {
            watching.stop();
        }
        self.stop.notify_one();
        self.thread.join();
        #[cfg(unix)]
        if let Some(path) = self.address.unix() {
            crate::socket_file::remove(path);
        }
        let stop = self.stop;
        own_memory(|| drop(stop));
    }
}

/// The settings of an [`Agent`].
#[derive(Clone)]
pub struct AgentBuilder {
    address: String,
    prefix: String,
    token: Option<String>,
    is_open: bool,
    engine: Engine,
    version: Option<String>,
    purge: fn() -> bool,
    watch: Option<Watch>,
}

impl Default for AgentBuilder {
    fn default() -> Self {
        Self {
            address: Self::DEFAULT_ADDRESS.to_owned(),
            prefix: String::new(),
            token: None,
            is_open: false,
            engine: Engine::default(),
            version: None,
            purge: highwater_recorder::trim,
            watch: None,
        }
    }
}

impl fmt::Debug for AgentBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token must not appear in a log.
        let has_token = self.token.is_some();
        f.debug_struct("AgentBuilder")
            .field("address", &self.address)
            .field("prefix", &self.prefix)
            .field("has_token", &has_token)
            .field("is_open", &self.is_open)
            .field("engine", &self.engine)
            .field("version", &self.version)
            .field("watch", &self.watch)
            .finish_non_exhaustive()
    }
}

impl AgentBuilder {
    /// The address that an agent uses by default.
    pub const DEFAULT_ADDRESS: &str = "127.0.0.1:6060";

    /// Listens on `address`, such as `127.0.0.1:6060` or `[::1]:0`. Default: [`Self::DEFAULT_ADDRESS`]. An
    /// address that other machines can reach needs [`Self::token`] or [`Self::open_to_anyone`].
    ///
    /// `unix:/run/app.sock` is a Unix socket. Only the user of the process may connect to it (its permissions
    /// are 0600). If the path holds a socket on which nobody listens, that socket is replaced; any other file
    /// is an error. [`Agent::stop`] removes the file, and so does the exit of the process.
    #[must_use]
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.address = address.into();
        self
    }

    /// Serves all pages below this path, such as `/internal`: for a proxy or a server that passes on requests
    /// with their full path. (Routers such as axum's `nest` remove the path; they need no prefix.) Default:
    /// none.
    #[must_use]
    pub fn prefix(mut self, path: impl Into<String>) -> Self {
        self.prefix = path.into();
        self
    }

    /// Answers only clients that send this token: as `Authorization: Bearer TOKEN`, or in an address such as
    /// `http://highwater:TOKEN@host:6060/debug/pprof/heap`. The agent does not encrypt: use a TLS proxy on a
    /// network that you do not trust. Default: none.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Answers every client that can reach the address. Profiles reveal function names and the command line,
    /// and taking them takes time. Default: only this machine.
    #[must_use]
    pub fn open_to_anyone(mut self) -> Self {
        self.is_open = true;
        self
    }

    /// Samples processor time with the crate pprof, for a service that already uses it: then only one
    /// profiler uses the signal. This needs more memory, and pprof's stack walk may take locks in the signal
    /// handler. Default: the recorder's own stack walk.
    #[cfg(feature = "pprof-engine")]
    #[must_use]
    pub fn cpu_by_pprof(mut self) -> Self {
        self.engine = Engine::Pprof;
        self
    }

    /// The function behind `POST /purge`. It gives free memory back to the system, such as mimalloc's
    /// `mi_collect` or jemalloc's `arena.<i>.purge`, and returns whether it could. Default: glibc's
    /// `malloc_trim` if the system has it.
    #[must_use]
    pub fn purge(mut self, purge: fn() -> bool) -> Self {
        self.purge = purge;
        self
    }

    /// The version of the application, which profiles, incidents and metrics name. Default: the attribute
    /// `service.version` of `OTEL_RESOURCE_ATTRIBUTES`, or else the build id of the program.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Also watches the memory in use, and records profiles when a rule is broken. Default: no watch.
    #[must_use]
    pub fn watch(mut self, watch: Watch) -> Self {
        self.watch = Some(watch);
        self
    }

    /// Starts the agent.
    ///
    /// # Errors
    /// When the address cannot be used, when other machines can reach it without [`Self::token`] or
    /// [`Self::open_to_anyone`], when the token is too short, when the directory of the watch cannot be used,
    /// or when the system starts no thread.
    pub fn start(self) -> Result<Agent, Error> {
        // Memory that exists as long as the agent counts as the agent's. Errors count as the program's. So
        // does the little memory that the standard library allocates to start a thread, because it frees that
        // elsewhere.
        let access = self.access()?;
        let runtime = own_memory(|| runtime::Builder::new_current_thread().enable_io().enable_time().build())
            .map_err(Error::Thread)?;
        let is_guarded = access.is_some() || self.is_open;
        let (listener, address) = own_memory(|| {
            let _entered = runtime.enter();
            Listener::bind(&self.address, is_guarded)
        })?;
        // A Unix socket's permissions decide who connects, and a web page cannot connect to it.
        let is_anyone = self.is_open || self.address.starts_with(UNIX);
        let access = access.unwrap_or(if is_anyone { Access::Anyone } else { Access::Local });
        let (service, watching) = self.service(access)?;
        let stop = own_memory(|| Arc::new(Notify::new()));
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("highwater-agent".to_owned())
            .spawn(move || own_memory(|| run(runtime, listener, service, stopped)))
            .map_err(Error::Thread)?;
        Ok(Agent { address, stop, thread: Background::new(thread), watching })
    }

    /// The agent's pages for a server of the application; [`Self::listen`] has no effect. The agent does not
    /// know which clients can reach that server, so [`Self::token`] or [`Self::open_to_anyone`] is required.
    /// A watch starts now and runs until the process ends.
    ///
    /// # Errors
    /// When neither is set, the token is too short, the directory of the watch cannot be used, or the system
    /// starts no thread.
    pub fn pages(self) -> Result<Pages, Error> {
        let open = self.is_open.then_some(Access::Anyone);
        let access = self.access()?.or(open).ok_or(Error::Unprotected)?;
        Ok(Pages::new(self.service(access)?.0))
    }

    fn access(&self) -> Result<Option<Access>, Error> {
        own_memory(|| self.token.as_deref().map(Access::with_token).transpose())
    }

    fn service(&self, access: Access) -> Result<(Arc<Service>, Option<Watching>), Error> {
        endpoint::prepare();
        if let Some(version) = &self.version {
            // Another agent or profiler may have set one already; the process has only one version.
            highwater::set_version(version.as_str());
        }
        let captures = Captures::start().map_err(Error::Thread)?;
        let counts = own_memory(Arc::<Counts>::default);
        let watching = self.watch.as_ref().map(|it| watch::start(it, Arc::clone(&counts))).transpose()?;
        let prefix = own_memory(|| prefix_of(&self.prefix))?;
        let service = Service { access, prefix, captures, engine: self.engine, purge: self.purge, counts };
        Ok((own_memory(|| Arc::new(service)), watching))
    }
}

/// The prefix of page paths, without a slash at its end.
fn prefix_of(path: &str) -> Result<String, Error> {
    let prefix = path.trim_end_matches('/');
    let is_plain = |part: &str| {
        let is_letter = |it: u8| it.is_ascii_alphanumeric() || b"-._~".contains(&it);
        !["", ".", ".."].contains(&part) && part.bytes().all(is_letter)
    };
    match prefix.strip_prefix('/') {
        None if prefix.is_empty() => Ok(String::new()),
        Some(parts) if parts.split('/').all(is_plain) => Ok(prefix.to_owned()),
        _ => Err(Error::Prefix { path: path.to_owned() }),
    }
}

fn run(runtime: Runtime, listener: Listener, service: Arc<Service>, stop: Arc<Notify>) {
    runtime.block_on(server::serve(listener, service, stop));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_machines_need_a_token_or_permission() {
        let wide = || Agent::builder().listen("0.0.0.0:0");
        assert!(matches!(wide().start(), Err(Error::Exposed { .. })));
        assert!(matches!(
            Agent::builder().listen("[::]:0").start(),
            Err(Error::Exposed { .. } | Error::Listen { .. })
        ));
        wide().token("0123456789abcdef").start().unwrap().stop();
        wide().open_to_anyone().start().unwrap().stop();
        Agent::builder().listen("127.0.0.1:0").start().unwrap().stop();
    }

    #[test]
    fn an_invalid_or_used_address_is_named() {
        let taken = Agent::builder().listen("127.0.0.1:0").start().unwrap();
        for address in ["nonsense", "127.0.0.1", "127.0.0.1:99999", &taken.address().to_string()] {
            let error = Agent::builder().listen(address).start().unwrap_err().to_string();
            assert!(error.starts_with(&format!("cannot listen on {address}: ")), "{error}");
        }
        taken.stop();
    }

    #[test]
    fn a_prefix_is_a_plain_path() {
        for (path, prefix) in [("", ""), ("/", ""), ("/internal", "/internal"), ("/a/b-1/", "/a/b-1")] {
            assert_eq!(prefix_of(path).unwrap(), prefix);
        }
        for bad in ["internal", "/a//b", "/a/../b", "/{a}", "/a?b", "/a b", "/%61", "//a"] {
            let error = Agent::builder().listen("127.0.0.1:0").prefix(bad).start().unwrap_err().to_string();
            assert!(error.contains(&format!("`{bad}`")), "{error}");
        }
    }

    #[test]
    fn pages_for_a_server_need_a_token_or_permission() {
        assert!(matches!(Agent::builder().pages(), Err(Error::Unprotected)));
        assert!(matches!(Agent::builder().token("short").pages(), Err(Error::Token { .. })));
        Agent::builder().token("0123456789abcdef").pages().unwrap();
        Agent::builder().open_to_anyone().pages().unwrap();
    }

    #[test]
    fn a_token_is_not_shown() {
        let shown = format!("{:?}", Agent::builder().token("0123456789abcdef"));
        assert!(shown.contains("has_token: true") && !shown.contains("0123"), "{shown}");
    }
}
