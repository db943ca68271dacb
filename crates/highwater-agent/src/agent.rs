//! Starting and stopping.

use std::fmt;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::thread;

use highwater::Background;
use highwater_runtime::own_memory;
use tokio::runtime::{self, Runtime};
use tokio::sync::Notify;

use crate::Error;
use crate::access::{Access, is_loopback};
use crate::captures::Captures;
use crate::endpoint;
use crate::environment;
use crate::pages::Pages;
use crate::server;
use crate::service::{Counts, Service};
use crate::watch::{Watch, Watching};

/// A running agent. It goes on when this is dropped, until the process ends; [`Agent::stop`] ends it earlier.
#[derive(Debug)]
pub struct Agent {
    address: SocketAddr,
    stop: Arc<Notify>,
    thread: Background,
    watching: Option<Watching>,
}

impl Agent {
    /// An agent with more to choose.
    pub fn builder() -> AgentBuilder {
        AgentBuilder::default()
    }

    /// The address that it listens on. The port is the system's choice if 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it, with all that is under way. A child of a fork has none to end: there nothing happens, and its parent's goes on.
    pub fn stop(self) {
        if !self.thread.is_here() {
            return;
        }
        if let Some(watching) = self.watching {
            watching.stop();
        }
        self.stop.notify_one();
        self.thread.join();
        let stop = self.stop;
        own_memory(|| drop(stop));
    }
}

/// How an [`Agent`] is to work.
#[derive(Clone)]
pub struct AgentBuilder {
    address: String,
    token: Option<String>,
    is_open: bool,
    purge: fn() -> bool,
    watch: Option<Watch>,
}

impl Default for AgentBuilder {
    fn default() -> Self {
        Self {
            address: Self::DEFAULT_ADDRESS.to_owned(),
            token: None,
            is_open: false,
            purge: highwater_runtime::trim,
            watch: None,
        }
    }
}

impl fmt::Debug for AgentBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token is for nobody's log.
        let has_token = self.token.is_some();
        f.debug_struct("AgentBuilder")
            .field("address", &self.address)
            .field("has_token", &has_token)
            .field("is_open", &self.is_open)
            .field("watch", &self.watch)
            .finish_non_exhaustive()
    }
}

impl AgentBuilder {
    /// Where an agent listens that is not told otherwise.
    pub const DEFAULT_ADDRESS: &str = "127.0.0.1:6060";

    /// Listens on `address`, such as `127.0.0.1:6060` or `[::1]:0`. Default: [`Self::DEFAULT_ADDRESS`]. An address that
    /// other machines can reach needs [`Self::token`] or [`Self::open_to_anyone`].
    #[must_use]
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.address = address.into();
        self
    }

    /// Answers only who sends this token: as `Authorization: Bearer TOKEN`, or in an address such as
    /// `http://highwater:TOKEN@host:6060/debug/pprof/heap`. It goes over the wire as it is: put TLS before it where the
    /// wire is not yours. Default: none.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Answers anyone who can reach the address. Profiles tell function names and the command line, and taking them takes
    /// time. Default: only this machine.
    #[must_use]
    pub fn open_to_anyone(mut self) -> Self {
        self.is_open = true;
        self
    }

    /// What `POST /purge` calls to give free memory back to the system, such as mimalloc's `mi_collect` or jemalloc's
    /// `arena.<i>.purge`; it returns whether it could. Default: glibc's `malloc_trim` where the system has it.
    #[must_use]
    pub fn purge(mut self, purge: fn() -> bool) -> Self {
        self.purge = purge;
        self
    }

    /// Watches how much memory is in use, too, and writes down what holds it. Default: no.
    #[must_use]
    pub fn watch(mut self, watch: Watch) -> Self {
        self.watch = Some(watch);
        self
    }

    /// Applies the settings of the environment variable `HIGHWATER_AGENT`, if it is set, such as
    /// `listen:127.0.0.1:6060,dir:/var/lib/service,watch:0.8`; docs/AGENT.md has a table of them. What it says of the watch
    /// takes the place of [`Self::watch`].
    ///
    /// # Errors
    /// When a part of it is not understood.
    pub fn from_environment(self) -> Result<Self, Error> {
        match std::env::var(environment::VARIABLE) {
            Ok(settings) => environment::apply(self, &settings),
            Err(_) => Ok(self),
        }
    }

    /// Starts.
    ///
    /// # Errors
    /// When the address cannot be listened on or is open to others without a word about it, the token is too short, the directory of
    /// the watch cannot be used, or the system starts no thread.
    pub fn start(self) -> Result<Agent, Error> {
        // What lives and dies with the agent is its own memory. Errors are the program's, and so is the little that the
        // standard library allocates to start a thread, since it frees that outside.
        let access = self.access()?;
        let (listener, address) = self.bind(access.is_some())?;
        let access = access.unwrap_or(if self.is_open { Access::Anyone } else { Access::Local });
        let (service, watching) = self.service(access)?;
        let stop = own_memory(|| Arc::new(Notify::new()));
        let runtime = own_memory(|| runtime::Builder::new_current_thread().enable_io().enable_time().build())
            .map_err(Error::Thread)?;
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("highwater-agent".to_owned())
            .spawn(move || own_memory(|| run(runtime, listener, service, stopped)))
            .map_err(Error::Thread)?;
        Ok(Agent { address, stop, thread: Background::new(thread), watching })
    }

    /// The agent's pages for a server of the application's; [`Self::listen`] does not matter then. Who connects to such a
    /// server is not known here, so there must be a token, or the word that anyone may ask. What is to be watched is
    /// watched from now on, until the process ends.
    ///
    /// # Errors
    /// When there is neither, the token is too short, the directory of the watch cannot be used, or the system starts no
    /// thread.
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
        let captures = Captures::start().map_err(Error::Thread)?;
        let counts = own_memory(Arc::<Counts>::default);
        let watching = self.watch.as_ref().map(|watch| watch.start(Arc::clone(&counts))).transpose()?;
        let service = Service { access, captures, purge: self.purge, counts };
        Ok((own_memory(|| Arc::new(service)), watching))
    }

    fn bind(&self, has_token: bool) -> Result<(TcpListener, SocketAddr), Error> {
        let failed = |source| Error::Listen { address: self.address.clone(), source };
        let addresses: Vec<_> = self.address.to_socket_addrs().map_err(failed)?.collect();
        let exposed = addresses.iter().find(|it| !is_loopback(it.ip()));
        if let Some(&address) = exposed.filter(|_| !has_token && !self.is_open) {
            return Err(Error::Exposed { address });
        }
        let listener = TcpListener::bind(addresses.as_slice()).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok((listener, address))
    }
}

fn run(runtime: Runtime, listener: TcpListener, service: Arc<Service>, stop: Arc<Notify>) {
    // It ends when it is told to. There is nobody to tell that a listener, which worked a moment ago, does not.
    let _ = runtime.block_on(server::serve(listener, service, stop));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_machines_are_kept_out_unless_something_is_said_of_them() {
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
    fn an_address_that_is_none_or_taken_is_named() {
        let taken = Agent::builder().listen("127.0.0.1:0").start().unwrap();
        for address in ["nonsense", "127.0.0.1", "127.0.0.1:99999", &taken.address().to_string()] {
            let error = Agent::builder().listen(address).start().unwrap_err().to_string();
            assert!(error.starts_with(&format!("cannot listen on {address}: ")), "{error}");
        }
        taken.stop();
    }

    #[test]
    fn whoever_serves_the_pages_says_who_may_ask() {
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
