//! Tasks of asynchronous runtimes, found among the blocks that a scope has allocated.
//!
//! What a stack says of its block is found out once ([`Known`]). A block that is a task's cell is asked how
//! far the task has come: one that is over is only kept for a handle. A task that its runtime's shutdown has
//! ended was alive until then; the ledger remembers the ends of such cells.

mod code;

use std::collections::{BTreeMap, BTreeSet};
use std::slice;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use highwater_ledger::{self as ledger, Block, Ledger};
use highwater_tasks::{
    Allocation, Call, Executor, Purpose, classify_by_table, classify_with, ends_with_executor,
    is_of_executor, is_told, runs_tasks,
};

use crate::evidence::classify;
use crate::evidence::constants;
use crate::evidence::path;
use crate::evidence::symbols;
use crate::evidence::types;
use crate::finding::{Activity, Frame, Kind};
use crate::program;
use crate::scope::TestScope;
use crate::settings::known;

/// A task that is alive, or was when its runtime went.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// Of its cell.
    pub(crate) serial: u64,
    /// The type of its future, or where that is not known, nothing.
    pub(crate) name: String,
    pub(crate) activity: Activity,
    /// Whether it is a call that may block.
    pub(crate) is_blocking: bool,
    /// Where it was spawned, innermost call first, from what was called of the runtime's.
    pub(crate) spawned: Vec<Frame>,
    /// What of the process spawned it, or was being initialised when it was spawned.
    pub(crate) global: Option<String>,
}

/// What is left of tasks in a scope.
#[derive(Debug, Default)]
pub(crate) struct Left {
    pub(crate) tasks: Vec<Task>,
    /// Blocks that may be tasks of executors whose cells are not known, in words.
    pub(crate) unclassified: BTreeSet<String>,
}

/// What a stack says of the blocks that it allocated.
struct Known {
    stack: &'static [usize],
    allocation: Allocation,
    /// What there is to say of a task, found out when one is left.
    more: OnceLock<More>,
}

struct More {
    name: String,
    spawned: Vec<Frame>,
    global: Option<&'static str>,
}

/// What is remembered of a task that had its verdict.
#[derive(Debug)]
struct Judged {
    /// The test that started it.
    test: String,
    /// The type of its future.
    name: String,
}

/// Tasks that had their verdict, by the numbers of their cells. A scope may be judged inside of another one.
static JUDGED: Mutex<BTreeMap<u64, Judged>> = Mutex::new(BTreeMap::new());

fn judged() -> MutexGuard<'static, BTreeMap<u64, Judged>> {
    JUDGED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has a task of the test called `test` not be judged again.
pub(crate) fn note_judged(task: &Task, test: &str) {
    let _unrecorded = ledger::pause();
    judged().insert(task.serial, Judged { test: test.to_owned(), name: task.name.clone() });
}

/// A task that was spawned after the verdict on the test that its parent is of.
#[derive(Clone, Debug)]
pub(crate) struct Late {
    pub(crate) task: Task,
    /// The test of the task that spawned it.
    pub(crate) test: String,
    /// The type of that task's future.
    pub(crate) parent: String,
}

/// The tasks that are alive and were spawned by a task that had its verdict, on any thread.
pub(crate) fn late() -> Vec<Late> {
    let _unrecorded = ledger::pause();
    let mut blocks = Vec::new();
    ledger::visit_all_blocks(|it| {
        if it.align >= constants::least_align_of_tasks() {
            blocks.push(it);
        }
    });
    blocks.sort_unstable_by_key(Block::serial);
    let judged = judged();
    let mut late = Vec::new();
    for block in blocks.iter().filter(|it| !judged.contains_key(&it.serial())) {
        let known = known(block.stack, || words(block));
        let Allocation::Cell(cell) = &known.allocation else { continue };
        if cell.purpose == Purpose::Own || known.more().global.is_some() {
            continue;
        }
        // A future is polled by the function that has its name.
        let is_parent = |it: &&Judged| {
            let function = future_function(&it.name);
            !function.is_empty()
                && known.more().spawned.iter().any(|it| path::without_closures(&it.function) == function)
        };
        let parent = judged.range(..block.serial()).rev().map(|(_, it)| it).find(is_parent);
        if let (Some(parent), Ok(Some(activity))) = (parent, activity(cell.executor, block)) {
            let (test, parent) = (parent.test.clone(), parent.name.clone());
            late.push(Late { task: known.task(block, activity), test, parent });
        }
    }
    late
}

/// The function that a future is of: `db::ask` for `db::ask::{async_fn}`.
fn future_function(name: &str) -> &str {
    let mut function = name;
    while let Some((outer, last)) = function.rsplit_once("::") {
        if !last.starts_with('{') {
            break;
        }
        function = outer;
    }
    function
}

/// Begins to remember the ends of tasks that a shutdown cancels.
pub(crate) fn begin() {
    let (mask, wanted) = highwater_tasks::CANCELLED_AND_OVER;
    ledger::watch_ends(constants::WIDE, mask, wanted);
}

/// Whether there may be any. Two loads.
pub(crate) fn may_be_left(ledger: Option<&Ledger>) -> bool {
    ledger.is_some_and(|it| it.live_blocks() > 0 || ledger::ended_blocks() > 0)
}

/// The tasks that are alive.
pub(crate) fn left(ledger: &Ledger) -> Left {
    let _unrecorded = ledger::pause();
    let mut blocks = Vec::new();
    ledger.visit_blocks(|it| blocks.push(it));
    blocks.sort_unstable_by_key(Block::serial);
    let mut left = Left::default();
    for block in blocks {
        let known = known(block.stack, || words(&block));
        match &known.allocation {
            Allocation::Other => {}
            Allocation::Unclassified { executor, version, .. } => {
                let version = version.map_or_else(
                    || {
                        "in the version of this program, which the path of its sources does not tell"
                            .to_owned()
                    },
                    |it| format!("{}.{}", it.major, it.minor),
                );
                // Behind what was called of the executor's.
                let site =
                    known.more().spawned.iter().skip(1).find_map(|it| Some((it.file.as_ref()?, it.line?)));
                let place =
                    site.map(|(file, line)| format!(", spawned at {file}:{line}")).unwrap_or_default();
                left.unclassified.insert(format!("{} {version}{place}", executor.package()));
            }
            Allocation::Cell(cell) if cell.purpose == Purpose::Own => {}
            Allocation::Cell(cell) => match activity(cell.executor, &block) {
                Ok(Some(activity)) if !judged().contains_key(&block.serial()) => {
                    left.tasks.push(known.task(&block, activity));
                }
                Ok(_) => {}
                Err(reason) => drop(left.unclassified.insert(reason)),
            },
        }
    }
    left
}

/// What a shutdown of a runtime has ended.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    /// Tasks that waited until then, and that nothing else has ended.
    pub(crate) waiting: Vec<Task>,
    /// Tasks that had been woken, or had not begun to run. Whether they would have ended is unknown.
    pub(crate) woken: Vec<Task>,
}

/// The tasks that were alive when their runtime was shut down.
pub(crate) fn ended(ledger: &Ledger) -> Ended {
    let _unrecorded = ledger::pause();
    let mut tasks = Ended::default();
    ledger.visit_ended(|ended| {
        let known = known(ended.block.stack, || ended.words.to_vec());
        let Allocation::Cell(cell) = &known.allocation else { return };
        let Some(last) = cell.executor.state(ended.words[0]).filter(|it| it.is_cancelled) else { return };
        // The end of one task may wake the next, which had waited till then.
        let before = ended.word_before.and_then(|it| cell.executor.state(it));
        if before.is_some_and(|it| it.is_cancelled && it.is_ready) {
            // It had been aborted.
            return;
        }
        let was_ready = before.unwrap_or(last).is_ready;
        if cell.purpose == Purpose::Own || judged().contains_key(&ended.block.serial()) {
            return;
        }
        let is_end =
            |it: &Frame| ends_with_executor(cell.executor, &calls(slice::from_ref(it))).then_some(());
        if symbols::first_of(ended.end_stack, is_end).is_some() {
            let list = if was_ready { &mut tasks.woken } else { &mut tasks.waiting };
            list.push(known.task(&ended.block, Activity::ShutDown));
        }
    });
    for list in [&mut tasks.waiting, &mut tasks.woken] {
        list.sort_unstable_by_key(|it| it.serial);
    }
    tasks
}

/// Has the tasks of a scope that ended with their runtime not be judged.
pub(crate) fn note_ended(scope: &TestScope) {
    let _unrecorded = ledger::pause();
    if let Some(ledger) = scope.ledger().filter(|_| ledger::ended_blocks() > 0) {
        ledger.visit_ended(|it| {
            let (test, name) = (String::new(), String::new());
            judged().insert(it.block.serial(), Judged { test, name });
        });
    }
}

/// What a task does; `None` when it is over, and an error in words when its cell looks like nothing that is
/// known.
fn activity(executor: Executor, block: &Block) -> Result<Option<Activity>, String> {
    let Some(place) = executor.state_at_bytes() else { return Ok(Some(Activity::Pending)) };
    // A block that is gone by now has no word.
    let Some(word) = block.word(place) else { return Ok(None) };
    match executor.state(word) {
        Some(state) if state.is_over => Ok(None),
        Some(state) if state.is_ready => Ok(Some(Activity::Ready)),
        Some(_) => Ok(Some(Activity::Pending)),
        None if block.is_live() => Err(format!("{}, with a cell of another layout", executor.package())),
        None => Ok(None),
    }
}

impl Known {
    fn task(&self, block: &Block, activity: Activity) -> Task {
        let More { name, spawned, global } = self.more();
        Task {
            serial: block.serial(),
            name: name.clone(),
            activity,
            is_blocking: matches!(&self.allocation, Allocation::Cell(it) if it.purpose == Purpose::Blocking),
            spawned: spawned.clone(),
            global: global.map(str::to_owned).or_else(|| of_process(block.thread())),
        }
    }

    fn more(&self) -> &More {
        self.more.get_or_init(|| self.find_more())
    }

    fn find_more(&self) -> More {
        let (entry, name) = match &self.allocation {
            Allocation::Cell(cell) => {
                let name = cell.future.clone().or_else(|| types::future(cell.executor, self.stack));
                (cell.entry, name.or_else(|| types::future_by_symbols(cell.executor, self.stack)))
            }
            Allocation::Unclassified { entry, .. } => (*entry, None),
            Allocation::Other => (0, None),
        };
        let frames = symbols::outside_of_recorder(symbols::spawn_frames(self.stack));
        let spawned = frames.get(entry..).unwrap_or(&[]);
        More {
            name: name.unwrap_or_default(),
            spawned: path::task_path(spawned),
            global: classify::once(spawned),
        }
    }
}

/// Why a thread belongs to the process, if it does. The tasks that it spawns belong to the process too, for
/// any test. A worker of a runtime is no such thread: it spawns what the tasks that it runs ask for.
fn of_process(number: u64) -> Option<String> {
    static KNOWN: Mutex<BTreeMap<u64, Option<String>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let find = || {
        let thread = highwater_hooks::threads().into_iter().find(|it| it.number() == number)?;
        let spawned = path::spawn_path(&symbols::spawn_frames(thread.spawn_stack()));
        if runs_tasks(&calls(&spawned)) {
            return None;
        }
        let global = classify::global(&thread).map(str::to_owned);
        global.or_else(|| known::reason(Kind::Thread, program::name(), "", "", &spawned))
    };
    known.entry(number).or_insert_with(find).clone()
}

/// The words that a block begins with, in which there may be a pointer to a table of functions.
fn words(block: &Block) -> Vec<usize> {
    (0..6).map_while(|it| block.word(it * size_of::<usize>())).collect()
}

/// What is known of a stack, which the ledger keeps in one place for ever. `words` are those that a block of
/// it begins with.
fn known(stack: &'static [usize], words: impl FnOnce() -> Vec<usize>) -> Arc<Known> {
    static KNOWN: Mutex<BTreeMap<usize, Arc<Known>>> = Mutex::new(BTreeMap::new());
    let mut all = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(all.entry(stack.as_ptr().addr()).or_insert_with(|| {
        let allocation = find_out(stack, words);
        Arc::new(Known { stack, allocation, more: OnceLock::new() })
    }))
}

fn find_out(stack: &[usize], words: impl FnOnce() -> Vec<usize>) -> Allocation {
    if !code::may_allocate_tasks(stack) {
        return Allocation::Other;
    }
    // Most are other blocks, and their innermost calls tell. Where they have no files, the constructors of
    // cells may be parts of other functions.
    let innermost = symbols::allocation_frames(stack);
    let has_file = innermost.last().is_some_and(|it| it.file.is_some());
    let table = if has_file { None } else { words().iter().find_map(|it| first_of_table(*it)) };
    if table.is_none() && !is_of_executor(&calls(&innermost)) {
        return Allocation::Other;
    }
    // No more calls than are needed: each test has other calls of its own.
    let frames = symbols::allocation_frames_until(stack, |frames| is_told(&calls(frames)));
    let by_table = table.and_then(|it| classify_by_table(&it, &calls(&frames)));
    by_table.map_or_else(|| classify_with(&calls(&frames), constants::version_of), Allocation::Cell)
}

/// The name of the function that a table of functions begins with, if `pointer` leads to one of the
/// program's. Only names that may be an executor's are of interest.
fn first_of_table(pointer: usize) -> Option<String> {
    highwater_hooks::base_of(pointer)?;
    let function = highwater_hooks::word_at(pointer)?;
    highwater_hooks::base_of(function)?;
    symbols::names(function).into_iter().find(|it| classify_by_table(it, &[]).is_some())
}

fn calls(frames: &[Frame]) -> Vec<Call<'_>> {
    frames.iter().map(|it| Call { function: &it.function, file: it.file.as_deref() }).collect()
}
