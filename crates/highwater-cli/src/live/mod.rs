//! `highwater live`: a screen in the terminal that shows a running program.
//!
//! There are four threads. One waits for snapshots ([`gather`]), one answers questions about them ([`ask`]),
//! and one reads the keyboard. The fourth draws and never waits for the others: it puts keys and news into
//! the [`model`], and draws the model. [`keys`] lists the keys; [`kept`] says how far the user can go back.

mod ask;
mod draw;
mod draw_table;
mod draw_top;
mod gather;
mod kept;
mod keys;
mod model;
#[cfg(test)]
mod samples;
mod save;
mod table;
mod terminal;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use crossterm::event::{self, Event, KeyEventKind};
use highwater_analyze::{ContainerRule, GroupBy, Query};

use crate::config::Config;
use crate::error::CliError;
use crate::load::Progress;
use crate::reader::Readers;
use crate::shared::Shared;
use crate::watch::{Source, Stop};
use ask::{Analyst, Answer, Question, Ways};
use draw::Theme;
use gather::{Gatherer, Looking, News};
use kept::{Bounds, Kept};
use model::{Asked, Effect, Model};
use terminal::Screen;

/// Longest delay before the end, a snapshot or an answer is noticed.
const GLANCE: Duration = Duration::from_millis(50);

/// Capacity of the channel of news. The gathering thread waits when it is full.
const WAITING_NEWS: usize = 2;

/// Capacity of the channel of keys.
const WAITING_KEYS: usize = 16;

/// The options of the screen.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Time between two looks for snapshots.
    pub(crate) every: Duration,
    /// Timeout of a request to a server.
    pub(crate) timeout: Duration,
    /// Maximum number of snapshots to go back to.
    pub(crate) keep: usize,
    /// Maximum bytes of all kept snapshots.
    pub(crate) keep_bytes: u64,
    /// The directory in which snapshots are saved.
    pub(crate) out: PathBuf,
    /// Whether the screen uses colours.
    pub(crate) colour: bool,
}

/// The channels to and from the threads.
struct Lines {
    news: Receiver<News>,
    wishes: Sender<()>,
    questions: Sender<Question>,
    answers: Receiver<Answer>,
}

/// Shows the screen until the user or a signal ends it.
///
/// # Errors
/// When there is no first snapshot, or the terminal cannot be used.
pub(crate) fn run(plan: &Plan, source: Source, shared: &Shared) -> Result<(), CliError> {
    let name = source.name();
    let directory = match &source {
        Source::Directory(directory) => Some(directory.path().to_owned()),
        Source::Endpoint(_) => None,
    };
    let stop = Stop::of_screen(terminal::give_back_if_possible)?;
    // A key shows types, whatever was asked for at first.
    let containers = Config::load(None)?.containers;
    let lines = start(plan, source, shared, containers);
    let bounds =
        Bounds { snapshots: plan.keep, bytes: usize::try_from(plan.keep_bytes).unwrap_or(usize::MAX) };
    let Some(first) = first(&lines.news, &name, directory, &stop)? else { return Ok(()) };
    let asked = Asked { sample: shared.sample.first().cloned(), by: shared.query(GroupBy::Line).by };
    let mut screen = Screen::take().map_err(CliError::Terminal)?;
    let size = screen.terminal.size().map_err(CliError::Terminal)?;
    let model = Model::new(name, bounds, first, asked, (size.width, size.height));
    match show(model, &mut screen, plan, &lines, &stop) {
        // A closed terminal fails to draw before its end is noticed by signal. That is a normal end.
        Err(_) if stop.is_asked() || Readers::of_screen().are_gone() => Ok(()),
        outcome => outcome.map_err(CliError::Terminal),
    }
}

/// Starts the threads. They end with the process, or when the screen's end of a channel is gone.
fn start(plan: &Plan, source: Source, shared: &Shared, containers: Vec<ContainerRule>) -> Lines {
    let (news_in, news) = sync_channel(WAITING_NEWS);
    let (wishes, wishes_out) = channel();
    let (questions, questions_out) = channel();
    let (answers_in, answers) = channel();
    let limits = shared.limits();
    let looking = Looking { every: plan.every, timeout: plan.timeout, most: plan.keep, limits };
    let gatherer = Gatherer::new(source, looking, news_in);
    thread::spawn(move || gatherer.go_on(&wishes_out));
    let query = Query { containers, ..shared.query(GroupBy::Line) };
    let analyst = Analyst::new(Ways { query, limits, symbols: shared.symbols() });
    thread::spawn(move || analyst.go_on(&questions_out, &answers_in));
    Lines { news, wishes, questions, answers }
}

/// Reads the keyboard on a separate thread. A reader may wait for the rest of a key's escape sequence, and a
/// closed terminal returns without end.
fn typed() -> Receiver<io::Result<Event>> {
    let (typed_in, typed) = sync_channel(WAITING_KEYS);
    thread::spawn(move || {
        loop {
            let event = event::read();
            let is_last = event.is_err();
            if typed_in.send(event).is_err() || is_last {
                return;
            }
        }
    });
    typed
}

/// Waits for the first snapshot, or for the message that there is none; `None` if the end comes first.
fn first(
    news: &Receiver<News>,
    name: &str,
    directory: Option<PathBuf>,
    stop: &Stop,
) -> Result<Option<Kept>, CliError> {
    let _bar = Progress::start(format!("waiting for {name}"), "snapshots");
    let (mut trouble, mut others) = (None, 0);
    loop {
        match news.recv_timeout(GLANCE) {
            Ok(News::Snapshot(kept)) => return Ok(Some(*kept)),
            Ok(News::Trouble(reason)) => trouble = Some(reason),
            Ok(News::Others(files)) => others = files,
            Err(RecvTimeoutError::Timeout) if stop.is_asked() => return Ok(None),
            Ok(News::Break(_)) | Err(RecvTimeoutError::Timeout) => {}
            Ok(News::Looked) | Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    Err(match (trouble, directory) {
        (None, Some(path)) => CliError::NoProfiles { path, others },
        (trouble, _) => {
            let reason = trouble.unwrap_or_else(|| "nothing came".to_owned());
            CliError::NoSnapshot { target: name.to_owned(), reason }
        }
    })
}

fn show(mut model: Model, screen: &mut Screen, plan: &Plan, lines: &Lines, stop: &Stop) -> io::Result<()> {
    let theme = Theme { colour: plan.colour };
    let typed = typed();
    let mut is_stale = true;
    while !stop.is_asked() {
        if let Some(question) = model.question() {
            // The receiving thread runs as long as this one.
            let _ = lines.questions.send(question);
            is_stale = true;
        }
        if std::mem::take(&mut is_stale) {
            screen.terminal.draw(|frame| draw::draw(frame, &model, theme))?;
        }
        match typed.recv_timeout(GLANCE) {
            Ok(event) => {
                match event? {
                    Event::Key(key) if key.kind != KeyEventKind::Release => {
                        let page = draw::rows(&model);
                        match model.press(&key, page) {
                            Some(Effect::Quit) => return Ok(()),
                            Some(effect) => act(effect, &mut model, plan, lines),
                            None => {}
                        }
                    }
                    Event::Resize(width, height) => model.resize((width, height)),
                    _ => {}
                }
                is_stale = true;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other("no keys can be read")),
        }
        is_stale |= take_in(&mut model, lines);
    }
    Ok(())
}

/// Takes in all waiting messages; true if there were any.
fn take_in(model: &mut Model, lines: &Lines) -> bool {
    let mut any = false;
    while let Ok(news) = lines.news.try_recv() {
        any |= !matches!(news, News::Looked);
        model.take(news);
    }
    while let Ok(answer) = lines.answers.try_recv() {
        any = true;
        model.answer(answer);
    }
    any
}

fn act(effect: Effect, model: &mut Model, plan: &Plan, lines: &Lines) {
    match effect {
        Effect::Save(kept) => {
            model.notice = Some(match save::save(&kept, &plan.out) {
                Ok(path) => format!("saved {}", path.display()),
                Err(error) => error.to_string(),
            });
        }
        Effect::Look => {
            // The receiving thread runs as long as this one.
            let _ = lines.wishes.send(());
            model.notice = Some("looking for a snapshot".to_owned());
        }
        Effect::Quit => {}
    }
}

/// The message of a panic that was caught on another thread.
fn fault(fault: &(dyn Any + Send)) -> String {
    let text = fault.downcast_ref::<&str>().copied().or(fault.downcast_ref::<String>().map(String::as_str));
    format!("internal fault: {}; please report it with the profile", text.unwrap_or("no reason given"))
}
