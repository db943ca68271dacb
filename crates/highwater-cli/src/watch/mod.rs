//! `highwater watch`, step by step: take a snapshot in, look for an incident, write it down, wait.
//!
//! Snapshots come from an address or a directory ([`source`]) and go into a ring of files ([`store`]). The
//! snapshots of one process make a series ([`run`]), in which the watch looks for spikes and growth
//! ([`detect`]). Each finding becomes a folder ([`incident`]). When a server does not answer, or answers
//! something else, the watch reports it and tries again. Only a failure of the watch's own directory ends the
//! watch early.

mod detect;
mod event;
mod fetch;
mod incident;
mod names;
mod process;
mod run;
mod source;
mod stop;
mod store;
mod target;
mod unix;
mod wording;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use highwater_profile::Profile;
use highwater_profile::file::{self, FileError};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::error::CliError;
use crate::shared::Shared;
use detect::{Detector, Finding, Kind};
pub(crate) use event::now_ns;
use event::{End, Event, Report};
pub(crate) use fetch::Endpoint;
pub(crate) use process::PidFile;
use process::Process;
pub(crate) use run::{Break, Run, Shot, facts};
pub(crate) use source::{Directory, Source};
pub(crate) use stop::Stop;
use store::Store;
pub(crate) use target::{Server, is_address};

/// The options of a watch.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Time from one look to the next.
    pub(crate) every: Duration,
    /// Number of snapshots to keep.
    pub(crate) keep: usize,
    /// The directory of the ring and the incidents.
    pub(crate) out: PathBuf,
    /// Whether each incident gets a folder.
    pub(crate) folders: bool,
    /// The smallest jump to report, as a share of live memory.
    pub(crate) min_rise: f64,
    /// Timeout of a request to a server.
    pub(crate) timeout: Duration,
    /// Snapshots after which the watch ends.
    pub(crate) max_snapshots: Option<usize>,
    /// Time after which the watch ends.
    pub(crate) lasting: Option<Duration>,
}

/// A running watch.
pub(crate) struct Watch<'a> {
    plan: Plan,
    shared: &'a Shared,
    source: Source,
    /// The displayed name of the source.
    name: String,
    pid_file: Option<PidFile>,
    /// The last process that the pid file named, running or not.
    process: Option<Process>,
    process_ended: bool,
    /// Whether a snapshot announced another process before the pid file did.
    ahead_of_pid_file: bool,
    stop: Stop,
    store: Store,
    run: Run,
    detector: Detector,
    bar: Option<ProgressBar>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    snapshots: usize,
    failures: usize,
    consecutive: usize,
    incidents: usize,
    last_failure: Option<String>,
}

/// The bytes or the file of a snapshot that is being taken in.
enum Content<'a> {
    /// The body of a server's answer.
    Bytes(&'a [u8]),
    /// A file that the program wrote.
    File(&'a Path),
}

impl<'a> Watch<'a> {
    /// Prepares everything, so that a problem shows at once.
    ///
    /// # Errors
    /// When the directory for the ring cannot be used, or signal handlers cannot be installed.
    pub(crate) fn start(
        plan: Plan,
        source: Source,
        pid_file: Option<PidFile>,
        shared: &'a Shared,
    ) -> Result<Self, CliError> {
        let store = Store::open(&plan.out, plan.keep)?;
        let name = source.name();
        let stop = Stop::of_watch(plan.lasting, store.at_end())?;
        let terminal = std::io::stderr().is_terminal();
        let bar = terminal.then(|| {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
                .with_style(ProgressStyle::default_spinner())
        });
        let process = pid_file.as_ref().and_then(PidFile::process);
        let detector = Detector::new(plan.min_rise, plan.keep);
        let (run, counts) = (Run::default(), Counts::default());
        Ok(Self {
            plan,
            shared,
            source,
            name,
            pid_file,
            process,
            process_ended: false,
            ahead_of_pid_file: false,
            stop,
            store,
            run,
            detector,
            bar,
            counts,
        })
    }

    /// Runs the watch until its end.
    ///
    /// # Errors
    /// When a finding cannot be written, or when no snapshot arrived at all.
    pub(crate) fn go_on(mut self) -> Result<(), CliError> {
        let begin = Instant::now();
        self.tell(&Event::Watching {
            source: self.name.clone(),
            every_ns: event::nanoseconds(self.plan.every),
            ring: self.store.ring().to_owned(),
            keep: self.plan.keep,
        })?;
        let end = loop {
            let begun = Instant::now();
            self.step()?;
            if self.is_enough() {
                break End::Enough;
            }
            // The interval counts from the beginning of this step, even if the step was late. Two looks are
            // never closer than that, or the events between them would seem to have happened in no time.
            let next = begun.checked_add(self.plan.every).unwrap_or(begun).max(Instant::now());
            let (bar, counts) = (self.bar.clone(), &self.counts);
            let waited = self.stop.wait_until(next, || show(bar.as_ref(), counts, next));
            if !waited {
                break if self.stop.is_asked() { End::Asked } else { End::TimeIsUp };
            }
        };
        self.finish(end, begin.elapsed())
    }

    fn finish(&mut self, because: End, lasted: Duration) -> Result<(), CliError> {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        self.finish_spike()?;
        self.tell(&Event::Ended {
            because,
            snapshots: self.counts.snapshots,
            failures: self.counts.failures,
            incidents: self.counts.incidents,
            lasted_ns: event::nanoseconds(lasted),
        })?;
        if self.counts.snapshots == 0 && because != End::Asked {
            let reason = self.counts.last_failure.take();
            let reason = reason.unwrap_or_else(|| "nothing came in that time".to_owned());
            return Err(CliError::NoSnapshot { target: self.name.clone(), reason });
        }
        Ok(())
    }

    fn is_enough(&self) -> bool {
        self.plan.max_snapshots.is_some_and(|it| self.counts.snapshots >= it)
    }

    /// Takes in the snapshots that are there now.
    fn step(&mut self) -> Result<(), CliError> {
        self.look_at_process()?;
        let limits = self.shared.limits();
        match &mut self.source {
            Source::Endpoint(endpoint) => {
                let limit = limits.unpacked_bytes();
                match source::scrape(endpoint, self.plan.timeout, limit, &self.stop) {
                    None => Ok(()),
                    Some(Err(error)) => self.fail(error.to_string()),
                    Some(Ok(bytes)) => match highwater_profile::read(&bytes, &limits) {
                        Ok(profile) => self.take(profile, &Content::Bytes(&bytes)),
                        Err(error) => self.fail(format!("the answer is no profile: {error}")),
                    },
                }
            }
            Source::Directory(directory) => {
                let files = match directory.look(self.plan.keep, &limits) {
                    Ok(files) => files,
                    Err(error) => return self.fail(format!("cannot read the directory: {error}")),
                };
                for path in files {
                    if self.is_enough() || self.stop.is_asked() {
                        break;
                    }
                    self.take_file(&path)?;
                }
                Ok(())
            }
        }
    }

    fn take_file(&mut self, path: &Path) -> Result<(), CliError> {
        match file::read(path, &self.shared.limits()) {
            Ok(profile) => self.take(profile, &Content::File(path)),
            // Its program may have deleted the file meanwhile.
            Err(_) if !path.exists() => Ok(()),
            Err(FileError::Content { source, .. }) => self.pass_over(path, source.to_string()),
            Err(error) => self.pass_over(path, error.to_string()),
        }
    }

    /// Takes a snapshot in, if it is a heap profile that continues the series.
    fn take(&mut self, mut profile: Profile, content: &Content<'_>) -> Result<(), CliError> {
        let arrived_later = matches!(content, Content::Bytes(_));
        let facts = match facts(&mut profile, now_ns()) {
            Ok(facts) => facts,
            Err(reason) => return self.refuse(content, reason),
        };
        match self.run.judge(&facts, arrived_later) {
            Err(refusal) => return self.refuse(content, refusal.to_string()),
            Ok(Some(because)) => self.begin_series(because)?,
            Ok(None) => {}
        }
        drop(profile);
        let path = match content {
            Content::Bytes(bytes) => self.store.add(bytes)?,
            Content::File(path) => self.store.add_file(path)?,
        };
        self.run.push(Shot { path: path.clone(), facts });
        let store = &self.store;
        self.run.retain(|it| store.has(&it.path));
        self.counts.snapshots += 1;
        self.counts.consecutive = 0;
        self.tell(&Event::Snapshot {
            file: path,
            series: self.run.number(),
            number: self.counts.snapshots,
            live_bytes: facts.live_bytes.value,
            alloc_bytes: facts.alloc_bytes.map(|it| it.value),
            rss_bytes: self.process.filter(Process::is_running).and_then(|it| it.rss_bytes()),
        })?;
        self.look_for_incidents()
    }

    fn look_for_incidents(&mut self) -> Result<(), CliError> {
        let findings = match self.detector.look(self.run.shots(), self.shared) {
            Ok(findings) => findings,
            // The ring's files were readable when they came. If one no longer is, the next snapshot may help.
            Err(error) => return self.fail(format!("the ring cannot be read: {error}")),
        };
        for finding in findings {
            self.write_down(finding)?;
        }
        Ok(())
    }

    fn write_down(&mut self, finding: Finding) -> Result<(), CliError> {
        let (folder, missing) = if self.plan.folders {
            let incidents = self.store.incidents()?;
            let known = self.detector.folder().filter(|_| finding.goes_on);
            let written = incident::write(&incidents, known, &self.name, &finding, self.shared)?;
            if finding.kind == Kind::Spike {
                self.detector.has_folder(&written.folder);
            }
            (Some(written.folder), written.missing)
        } else {
            (None, Vec::new())
        };
        let goes_on = finding.goes_on;
        let [before, after] = finding.pair.map(|it| it.path);
        let report = Report { kind: finding.kind, summary: finding.summary, before, after, folder, missing };
        self.counts.incidents += usize::from(!goes_on);
        self.tell(&if goes_on { Event::IncidentGoesOn(report) } else { Event::Incident(report) })
    }

    /// Makes the last report of a spike, because no snapshot of its series follows.
    fn finish_spike(&mut self) -> Result<(), CliError> {
        match self.detector.finish(self.run.shots(), self.shared) {
            Ok(Some(finding)) => self.write_down(finding),
            Ok(None) => Ok(()),
            Err(error) => self.fail(format!("the ring cannot be read: {error}")),
        }
    }

    /// Checks the pid file. A process with another number or another start time is another process.
    fn look_at_process(&mut self) -> Result<(), CliError> {
        let Some(pid_file) = &self.pid_file else { return Ok(()) };
        match (pid_file.process(), self.process) {
            (Some(now), Some(known)) if now == known => Ok(()),
            (Some(now), _) => {
                self.process = Some(now);
                self.process_ended = false;
                if std::mem::take(&mut self.ahead_of_pid_file) {
                    return Ok(());
                }
                self.begin_series(Break::OtherPid)
            }
            // The file may be missing or half written while the process is still running.
            (None, Some(known)) if !self.process_ended && !known.is_running() => {
                self.process_ended = true;
                self.tell(&Event::ProcessEnded { pid: known.pid })
            }
            (None, _) => Ok(()),
        }
    }

    fn begin_series(&mut self, because: Break) -> Result<(), CliError> {
        if self.run.shots().is_empty() {
            // The new series has begun already, and no snapshot has come since.
            return Ok(());
        }
        self.finish_spike()?;
        self.run.restart(because);
        self.detector.restart();
        if matches!(because, Break::OtherProcess | Break::AllocatedLess) {
            self.ahead_of_pid_file = self.pid_file.is_some();
        }
        self.tell(&Event::NewSeries { series: self.run.number(), because })
    }

    /// Refuses a snapshot. From a server this counts as a failure; from a directory, other files may follow.
    fn refuse(&mut self, content: &Content<'_>, reason: String) -> Result<(), CliError> {
        match content {
            Content::Bytes(_) => self.fail(reason),
            Content::File(path) => self.pass_over(path, reason),
        }
    }

    fn pass_over(&mut self, path: &Path, reason: String) -> Result<(), CliError> {
        let file = path.to_owned();
        self.tell(&Event::PassedOver { file, reason })
    }

    fn fail(&mut self, reason: String) -> Result<(), CliError> {
        self.counts.failures += 1;
        self.counts.consecutive += 1;
        self.counts.last_failure = Some(reason.clone());
        self.tell(&Event::Failure { consecutive: self.counts.consecutive, reason })
    }

    fn tell(&self, event: &Event) -> Result<(), CliError> {
        let print = || event::print(event, self.shared.json);
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

/// The status line on a terminal between two events.
fn show(bar: Option<&ProgressBar>, counts: &Counts, next: Instant) {
    let Some(bar) = bar else { return };
    let rest = next.saturating_duration_since(Instant::now()).as_secs();
    bar.set_message(format!(
        "{} snapshots, {} incidents; the next look is in {rest} s (Ctrl-C ends)",
        counts.snapshots, counts.incidents
    ));
    bar.tick();
}
