//! The process of the program: signals pass on to it, and this process ends as it does.

use std::ffi::{OsStr, OsString};
use std::io;
use std::process::{Command, ExitStatus};

use crate::error::CliError;

/// How the program ended.
pub(crate) struct Ended {
    pub process: u32,
    status: ExitStatus,
}

/// Runs a program with additional variables in its environment, and waits for its end.
pub(crate) fn run(
    program: &OsStr,
    arguments: &[OsString],
    variables: &[(&str, &OsStr)],
) -> Result<Ended, CliError> {
    let failed = |source: io::Error| CliError::Run {
        program: program.to_string_lossy().into_owned(),
        reason: format!("it cannot be started: {source}"),
    };
    let signals = forward::Signals::listen().map_err(failed)?;
    let mut command = Command::new(program);
    command.args(arguments).envs(variables.iter().copied());
    let mut child = command.spawn().map_err(failed)?;
    let process = child.id();
    let forwarding = signals.forward_to(process);
    let status = child.wait().map_err(failed)?;
    drop(forwarding);
    Ok(Ended { process, status })
}

impl Ended {
    /// The program's exit code. If a signal ended it, this process ends by the same one.
    pub(crate) fn mirror(&self) -> u8 {
        #[cfg(unix)]
        if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&self.status) {
            forward::end_by(signal);
            // The signal does not end a process; a shell says it like this.
            return u8::try_from(128 + signal).unwrap_or(255);
        }
        self.status.code().and_then(|it| u8::try_from(it).ok()).unwrap_or(255)
    }
}

#[cfg(unix)]
mod forward {
    //! Signals that reach this process and are meant for the program.

    use std::io::{self, IsTerminal as _};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::Duration;

    use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, setrlimit};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
    use signal_hook::{flag, low_level};

    use crate::ignored::is_ignored;

    /// Longest delay before a signal is passed on.
    const GLANCE: Duration = Duration::from_millis(20);

    const SIGNALS: [(i32, Signal); 6] = [
        (SIGTERM, Signal::TERM),
        (SIGHUP, Signal::HUP),
        (SIGUSR1, Signal::USR1),
        (SIGUSR2, Signal::USR2),
        (SIGINT, Signal::INT),
        (SIGQUIT, Signal::QUIT),
    ];

    pub(super) struct Signals(Vec<(Arc<AtomicBool>, Signal)>);

    impl Signals {
        /// Takes note of these signals from now on, and is no longer ended by them. A signal that is ignored
        /// stays so: the program inherits that, and would be ended by a signal with a handler here.
        pub(super) fn listen() -> io::Result<Self> {
            let listen = |(number, signal)| {
                let has_come = Arc::new(AtomicBool::new(false));
                flag::register(number, Arc::clone(&has_come))?;
                Ok((has_come, signal))
            };
            let heard = SIGNALS.into_iter().filter(|it| is_ignored(it.0) != Some(true));
            heard.map(listen).collect::<io::Result<_>>().map(Self)
        }

        /// Passes the signals on to a process.
        pub(super) fn forward_to(self, process: u32) -> Forwarding {
            let has_ended = Arc::new(AtomicBool::new(false));
            let ended = Arc::clone(&has_ended);
            // A terminal sends these two to the program as well.
            let is_interactive = io::stdin().is_terminal();
            let forward = move || {
                let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
                while !ended.load(Ordering::Acquire) {
                    thread::sleep(GLANCE);
                    for (has_come, signal) in &self.0 {
                        let is_theirs = is_interactive && [Signal::INT, Signal::QUIT].contains(signal);
                        if has_come.swap(false, Ordering::AcqRel)
                            && !is_theirs
                            && !ended.load(Ordering::Acquire)
                        {
                            // It may just have ended.
                            let _ = pid.map(|it| kill_process(it, *signal));
                        }
                    }
                }
            };
            // Without the thread signals are not passed on, which is no reason not to run the program.
            let _ = thread::Builder::new().name("signals".to_owned()).spawn(forward);
            Forwarding(has_ended)
        }
    }

    /// Ends the forwarding when it is dropped.
    pub(super) struct Forwarding(Arc<AtomicBool>);

    impl Drop for Forwarding {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
        }
    }

    /// Ends this process by a signal, without a core file of its own.
    pub(super) fn end_by(signal: i32) {
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
        let _ = low_level::emulate_default_handler(signal);
    }
}

#[cfg(not(unix))]
mod forward {
    //! No signals.

    pub(super) struct Signals;

    impl Signals {
        pub(super) fn listen() -> std::io::Result<Self> {
            Err(std::io::Error::other("programs can be recorded on Linux only"))
        }

        pub(super) fn forward_to(self, _: u32) {}
    }
}
