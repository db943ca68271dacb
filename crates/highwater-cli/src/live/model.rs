//! The state of the screen, and how news and keys change it. Nothing is drawn or computed here.

use std::str::FromStr;
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent};
use highwater_analyze::{GroupBy, SampleKind};
use highwater_report::{Sheet, View};

use super::ask::{About, Answer, Findings, Key, Question};
use super::gather::News;
use super::kept::{Bounds, History, Kept};
use super::keys::{self, Command};
use super::table::{Table, Wish};

/// Maximum characters of a search.
const LONGEST_SEARCH: usize = 200;

/// The options from the command line.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The kind of values; `None` for the profile's default.
    pub(crate) sample: Option<SampleKind>,
    pub(crate) by: GroupBy,
}

/// An action outside of the screen's state.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Write this snapshot to a file.
    Save(Arc<Kept>),
    /// Look for new snapshots now.
    Look,
    /// End the screen.
    Quit,
}

/// Snapshots that failed to arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// The number of failures since the last snapshot.
    pub(crate) times: usize,
    /// The reason of the last failure, as text.
    pub(crate) reason: String,
}

/// The pane with the stack of the chosen row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StackPane {
    pub(crate) is_open: bool,
    /// Whether the pane has the arrow keys.
    pub(crate) has_keys: bool,
    /// The first frame on the screen; `None` for the frame that the row is about.
    first: Option<usize>,
}

/// The state of the screen.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) source: String,
    pub(crate) history: History,
    /// Number of the shown snapshot; `None` to follow the newest one.
    fixed: Option<usize>,
    pub(crate) pinned: Arc<Kept>,
    pub(crate) about: About,
    asked: Asked,
    /// Kinds of values in the shown snapshot.
    kinds: Vec<String>,
    /// For each [`About`], the chosen order and whether it is reversed.
    orders: [(usize, bool); 4],
    pub(crate) search: String,
    pub(crate) is_typing: bool,
    table: Table,
    /// The question that the table answers; `None` before the first answer.
    answered: Option<Key>,
    pending: Option<Key>,
    findings: Option<Result<Findings, String>>,
    pub(crate) stack: StackPane,
    pub(crate) is_helping: bool,
    pub(crate) trouble: Option<Trouble>,
    /// The last event worth a notice, shown until the next key.
    pub(crate) notice: Option<String>,
    /// Names that were not found, as text.
    pub(crate) remark: Option<String>,
    pub(crate) size: (u16, u16),
}

impl Model {
    /// A screen of this size that begins with one snapshot, which is also the pinned one.
    pub(crate) fn new(source: String, bounds: Bounds, first: Kept, asked: Asked, size: (u16, u16)) -> Self {
        let history = History::new(bounds, first);
        Self {
            source,
            pinned: Arc::clone(history.newest()),
            history,
            fixed: None,
            about: About::Live,
            asked,
            kinds: Vec::new(),
            orders: [(0, false); 4],
            search: String::new(),
            is_typing: false,
            table: Table::default(),
            answered: None,
            pending: None,
            findings: None,
            stack: StackPane { is_open: true, has_keys: false, first: None },
            is_helping: false,
            trouble: None,
            notice: None,
            remark: None,
            size,
        }
    }

    /// The snapshot on the screen.
    pub(crate) fn shown(&self) -> &Arc<Kept> {
        self.history.at(self.position())
    }

    /// Position of the shown snapshot in the history.
    pub(crate) fn position(&self) -> usize {
        self.fixed.map_or(self.history.len() - 1, |number| self.history.position(number))
    }

    /// Whether the screen follows the newest snapshot.
    pub(crate) fn is_following(&self) -> bool {
        self.fixed.is_none()
    }

    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// Why there is no table.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.findings.as_ref()?.as_ref().err().map(String::as_str)
    }

    /// The first frame of the stack on the screen.
    pub(crate) fn first_frame(&self) -> usize {
        let cause = || self.table.chosen().map_or(0, |it| it.cause);
        self.stack.first.unwrap_or_else(cause)
    }

    /// Whether the table still answers an earlier question.
    pub(crate) fn is_waiting(&self) -> bool {
        self.answered.as_ref() != Some(&self.key())
    }

    /// Whether the table belongs to the chosen view, perhaps for another snapshot.
    pub(crate) fn is_of_view(&self) -> bool {
        self.answered.as_ref().is_some_and(|it| it.about == self.about)
    }

    pub(crate) fn by(&self) -> GroupBy {
        self.asked.by
    }

    /// The value that sorts the rows, and whether the order is reversed.
    pub(crate) fn order(&self) -> (&str, bool) {
        let (order, reversed) = self.orders[self.about as usize];
        (self.table.orders().nth(order).unwrap_or("rank"), reversed)
    }

    /// Takes in a message from the gathering thread.
    pub(crate) fn take(&mut self, news: News) {
        match news {
            News::Snapshot(kept) => {
                self.trouble = None;
                let oldest_shown = self.fixed;
                self.history.push(*kept);
                if oldest_shown.is_some_and(|it| self.shown().number != it) {
                    self.fixed = Some(self.shown().number);
                    self.notice = Some("what was shown is kept no longer; this is the oldest".to_owned());
                }
            }
            News::Break(because) => self.notice = Some(because),
            News::Trouble(reason) => {
                let times = self.trouble.as_ref().map_or(0, |it| it.times) + 1;
                self.trouble = Some(Trouble { times, reason });
            }
            News::Others(files) => {
                let noun =
                    if files == 1 { "file that is no profile is" } else { "files that are no profiles are" };
                self.notice = Some(format!("{files} {noun} passed over"));
            }
            News::Looked => {}
        }
    }

    /// The question to ask next; `None` if its answer is there or on its way.
    pub(crate) fn question(&mut self) -> Option<Question> {
        let key = self.key();
        if self.pending.as_ref() == Some(&key) || (self.pending.is_none() && !self.is_waiting()) {
            return None;
        }
        self.pending = Some(key.clone());
        let position = self.position();
        let (base, series) = match key.about {
            About::Live => (None, Vec::new()),
            About::Rate => (self.before(), Vec::new()),
            About::Growth => (None, self.history.series(position)),
            About::Diff => (Some(Arc::clone(&self.pinned)), Vec::new()),
        };
        Some(Question { key, shown: Arc::clone(self.shown()), base, series })
    }

    fn key(&self) -> Key {
        let other = match self.about {
            About::Live | About::Growth => None,
            About::Rate => self.before().map(|it| it.number),
            About::Diff => Some(self.pinned.number),
        };
        let sample = match (self.about, self.counts_blocks()) {
            (About::Live | About::Diff, _) => self.asked.sample.clone(),
            (About::Rate, false) => Some(SampleKind::AllocBytes),
            (About::Rate, true) => Some(SampleKind::AllocBlocks),
            (About::Growth, false) => Some(SampleKind::LiveBytes),
            (About::Growth, true) => Some(SampleKind::LiveBlocks),
        };
        Key { about: self.about, sample, by: self.asked.by, shown: self.shown().number, other }
    }

    fn counts_blocks(&self) -> bool {
        self.asked.sample.as_ref().is_some_and(|it| it.to_string().ends_with("-blocks"))
    }

    /// The previous snapshot of the same process.
    fn before(&self) -> Option<Arc<Kept>> {
        let position = self.position().checked_sub(1)?;
        Some(self.history.at(position)).filter(|it| it.series == self.shown().series).cloned()
    }

    /// Shows an answer, unless another question was asked meanwhile.
    pub(crate) fn answer(&mut self, answer: Answer) {
        if self.pending.as_ref() == Some(&answer.key) {
            self.pending = None;
        }
        if answer.key != self.key() {
            return;
        }
        self.answered = Some(answer.key);
        if answer.remark.is_some() {
            self.remark = answer.remark;
        }
        self.kinds = match &answer.findings {
            Ok(Findings::Live(top)) => top.header.kinds_with_values.clone(),
            Ok(Findings::Diff(diff)) => diff.new.kinds_with_values.clone(),
            _ => std::mem::take(&mut self.kinds),
        };
        self.findings = Some(answer.findings);
        self.lay_out();
    }

    /// Lays the table out again for the current width.
    fn lay_out(&mut self) {
        let view = View { width: self.size.0.into(), noise: true, ..View::default() };
        let sheet = self.findings.as_ref().and_then(|it| it.as_ref().ok()).map(|it| match it {
            Findings::Live(top) => Sheet::top(top),
            Findings::Rate(diff) => Sheet::rate(diff),
            Findings::Growth(trend) => Sheet::growth(trend, &view),
            Findings::Diff(diff) => Sheet::diff(diff, &view),
        });
        let (order, reversed) = self.orders[self.about as usize];
        self.table.show(sheet, Wish { search: &self.search, order, reversed });
        self.stack.first = None;
    }

    fn rearrange(&mut self) {
        let (order, reversed) = self.orders[self.about as usize];
        self.table.rearrange(Wish { search: &self.search, order, reversed });
        self.stack.first = None;
    }

    /// Handles a new size of the terminal.
    pub(crate) fn resize(&mut self, size: (u16, u16)) {
        self.size = size;
        self.lay_out();
    }

    /// Handles a key. `page` is the number of table rows on the screen.
    pub(crate) fn press(&mut self, key: &KeyEvent, page: usize) -> Option<Effect> {
        if self.is_typing && !keys::is_end(key) {
            self.type_search(key.code);
            return None;
        }
        let command = keys::command(key)?;
        self.notice = None;
        if self.is_helping && command != Command::Quit {
            self.is_helping = false;
            return None;
        }
        self.obey(command, page)
    }

    fn obey(&mut self, command: Command, page: usize) -> Option<Effect> {
        match command {
            Command::About(about) => self.about = about,
            Command::Step(by) if self.stack.has_keys => {
                let last = self.table.chosen().map_or(0, |it| it.stack.len()).saturating_sub(1);
                self.stack.first = Some(self.first_frame().saturating_add_signed(by).min(last));
            }
            Command::Step(by) => self.step(by),
            Command::Page(by) => self.step(by.saturating_mul(isize::try_from(page.max(1)).unwrap_or(1))),
            Command::Scrub(by) => {
                let position = self.position().saturating_add_signed(by);
                // The position after the newest snapshot means "follow".
                let is_there = position < self.history.len();
                self.fixed = is_there.then(|| self.history.at(position).number);
            }
            Command::Oldest => self.fixed = Some(self.history.at(0).number),
            Command::Follow => self.fixed = None,
            Command::Pin => {
                self.pinned = Arc::clone(self.shown());
                self.notice =
                    Some(format!("snapshot {} is pinned; 4 shows what changed", self.pinned.number));
            }
            Command::Save => return Some(Effect::Save(Arc::clone(self.shown()))),
            Command::Look => return Some(Effect::Look),
            Command::Search => {
                self.is_typing = true;
                self.stack.has_keys = false;
            }
            Command::NextOrder => {
                let orders = self.table.orders().len();
                let (order, _) = &mut self.orders[self.about as usize];
                *order = (*order + 1) % orders;
                self.rearrange();
            }
            Command::Reverse => {
                let (_, reversed) = &mut self.orders[self.about as usize];
                *reversed = !*reversed;
                self.rearrange();
            }
            Command::NextGrouping => {
                self.asked.by = keys::next_grouping(self.asked.by);
            }
            Command::NextValues => self.next_values(),
            Command::Stack => {
                self.stack.is_open = !self.stack.is_open;
                self.stack.has_keys = false;
            }
            Command::Focus => self.stack.has_keys = self.stack.is_open && !self.stack.has_keys,
            Command::Cancel => {
                self.stack.has_keys = false;
                self.search.clear();
                self.rearrange();
            }
            Command::Help => self.is_helping = true,
            Command::Quit => return Some(Effect::Quit),
        }
        None
    }

    fn step(&mut self, by: isize) {
        self.table.step(by);
        self.stack.first = None;
    }

    fn next_values(&mut self) {
        let now = match &self.findings {
            Some(Ok(Findings::Live(top))) => top.header.sample.clone(),
            Some(Ok(Findings::Diff(diff))) => diff.new.sample.clone(),
            _ => self.asked.sample.as_ref().map_or_else(String::new, ToString::to_string),
        };
        let at = self.kinds.iter().position(|it| *it == now).map_or(0, |it| it + 1);
        let next = self.kinds.get(at % self.kinds.len().max(1));
        self.asked.sample = next.and_then(|it| SampleKind::from_str(it).ok()).or(self.asked.sample.take());
    }

    fn type_search(&mut self, code: KeyCode) {
        match code {
            KeyCode::Enter => self.is_typing = false,
            KeyCode::Esc => {
                self.is_typing = false;
                self.search.clear();
            }
            KeyCode::Backspace => {
                self.search.pop();
            }
            KeyCode::Char(letter) if self.search.chars().count() < LONGEST_SEARCH => self.search.push(letter),
            _ => {}
        }
        self.rearrange();
    }
}
