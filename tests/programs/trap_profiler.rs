//! Profilers at the end of a process: `trap_profiler PATH PART`. Only the profiler writes the profile.
//!
//! `exit` ends by `exit` on another thread, `signal` by a signal to itself, `handled` has its own handler for
//! the signal and continues, `ignored` ignores it, `fork` continues in a child, `agent` stops an agent in a
//! child, and `crowd` ends while another thread drops profilers. Each changes its working directory after the
//! profiler's start.
//!
//! `TRAP_PLANT` in the environment plants a fault: `deaf` ignores `exit` and signals, `eager` writes at an
//! ignored signal, `forgetful` leaves the child of a fork without its profiler.

use std::path::Path;
use std::process::{self, ExitCode};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use highwater::Profiler;

#[global_allocator]
static ALLOC: highwater::Alloc = highwater::Alloc::new().exact();

/// Far longer than a snapshot takes.
const PATIENCE: Duration = Duration::from_secs(20);

#[inline(never)]
fn site_kept() {
    std::mem::forget(std::hint::black_box(vec![1_u8; 123_456]));
}

/// Waits until a condition holds.
fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) -> Result<(), String> {
    let begin = Instant::now();
    while !is_so() {
        if begin.elapsed() > PATIENCE {
            return Err(format!("waited in vain for {what}"));
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

fn is_planted(fault: &str) -> bool {
    std::env::var("TRAP_PLANT").is_ok_and(|it| it == fault)
}

fn send(signal: libc::c_int) {
    // SAFETY: the signal goes to this process.
    unsafe { libc::kill(libc::getpid(), signal) };
}

static IS_HANDLED: AtomicBool = AtomicBool::new(false);

extern "C" fn handle(_: libc::c_int) {
    IS_HANDLED.store(true, SeqCst);
}

fn set_action(signal: libc::c_int, action: libc::sighandler_t) {
    // SAFETY: the action is one of the system's or a function of the right type that sets a flag.
    unsafe { libc::signal(signal, action) };
}

/// Waits for a child and returns its wait status.
fn wait_status(child: libc::pid_t) -> libc::c_int {
    let mut status = -1;
    // SAFETY: there is space for the result.
    unsafe { libc::waitpid(child, &mut status, 0) };
    status
}

/// Number of snapshots in a series whose names have this suffix.
fn snapshots(directory: &Path, ending: &str) -> usize {
    let Ok(files) = std::fs::read_dir(directory) else { return 0 };
    let names = files.filter_map(|it| it.ok()?.file_name().into_string().ok());
    names.filter(|it| it.ends_with(ending) && it.starts_with("heap-")).count()
}

fn fork(place: &Path, profiler: Profiler) -> Result<(), String> {
    let series = place.join("series");
    wait_for("a snapshot", || snapshots(&series, ".pb.gz") > 0)?;
    // SAFETY: the child goes on as a daemon does, and ends by a return from `main` of its own.
    let child = unsafe { libc::fork() };
    if child != 0 {
        let status = wait_status(child);
        drop(profiler);
        return if status == 0 { Ok(()) } else { Err(format!("the child's wait status: {status}")) };
    }
    let own = format!("-{}.pb.gz", process::id());
    if place.join("go-on").exists() {
        profiler.go_on_in_child().map_err(|it| it.to_string())?;
        wait_for("a snapshot of the child's", || snapshots(&series, &own) > 0)?;
    }
    if is_planted("forgetful") {
        std::mem::forget(profiler);
    } else {
        drop(profiler);
    }
    if place.join(format!("heap.{}.pb.gz", process::id())).exists() {
        process::exit(0);
    }
    Err("the child has no file of its own".to_owned())
}

/// Agents, watches, pages and a limit whose threads do not exist in the child of a fork.
fn fork_agent() -> Result<(), String> {
    use highwater_agent::Agent;
    let agent = |directory| {
        let watch = highwater_agent::Watch::new(directory).at_bytes(1 << 40);
        Agent::builder().listen("127.0.0.1:0").watch(watch).start()
    };
    let start = || {
        let pages = Agent::builder().open_to_anyone().pages()?;
        let limit = highwater_agent::soft_limit(1 << 40, |_| ())?;
        Ok::<_, highwater_agent::Error>((agent("stopped")?, agent("dropped")?, pages, limit))
    };
    let (agent, dropped, pages, limit) = start().map_err(|it| it.to_string())?;
    // SAFETY: the child ends by `_exit`, and what it calls before is what this program is to try out.
    let child = unsafe { libc::fork() };
    if child == 0 {
        drop((dropped, pages, limit));
        agent.stop();
        // SAFETY: ends the process at once.
        unsafe { libc::_exit(0) }
    }
    let begin = Instant::now();
    let mut status = -1;
    // SAFETY: there is space for the result.
    while unsafe { libc::waitpid(child, &mut status, libc::WNOHANG) } == 0 {
        if begin.elapsed() > PATIENCE {
            // SAFETY: the child is this process's.
            unsafe { libc::kill(child, libc::SIGKILL) };
            return Err("the child waits for its parent's threads".to_owned());
        }
        thread::sleep(Duration::from_millis(2));
    }
    std::net::TcpStream::connect(agent.address().to_string())
        .map_err(|it| format!("the parent's agent: {it}"))?;
    agent.stop();
    if status == 0 { Ok(()) } else { Err(format!("the child's wait status: {status}")) }
}

fn run(path: &Path, part: &str) -> Result<(), String> {
    let place = path.parent().ok_or("no directory")?;
    let name = path.file_name().ok_or("no name")?;
    std::env::set_current_dir(place).map_err(|it| it.to_string())?;
    match part {
        "handled" => set_action(libc::SIGTERM, handle as extern "C" fn(_) as libc::sighandler_t),
        "ignored" => set_action(libc::SIGTERM, libc::SIG_IGN),
        _ => {}
    }
    let mut builder = Profiler::builder().file(name);
    if ["signal", "handled", "ignored"].contains(&part) && !is_planted("deaf") {
        builder = builder.on_signals();
    }
    if part == "fork" || part == "exit" {
        builder = builder.every(Duration::from_millis(10), "series");
    }
    let profiler = builder.start().map_err(|it| it.to_string())?;
    std::env::set_current_dir("/").map_err(|it| it.to_string())?;
    site_kept();
    match part {
        "exit" => {
            if is_planted("deaf") {
                // SAFETY: ends the process at once.
                unsafe { libc::_exit(0) };
            }
            let _ = thread::spawn(|| process::exit(0)).join();
            Err("it goes on".to_owned())
        }
        "signal" => {
            send(libc::SIGTERM);
            thread::sleep(PATIENCE);
            Err("it goes on".to_owned())
        }
        "handled" => {
            send(libc::SIGTERM);
            wait_for("the handler", || IS_HANDLED.load(SeqCst))?;
            wait_for("the profile", || path.exists())?;
            // SAFETY: ends the process at once: nothing is written any more.
            unsafe { libc::_exit(0) }
        }
        "ignored" => {
            send(libc::SIGTERM);
            if is_planted("eager") {
                drop(profiler);
            }
            thread::sleep(Duration::from_millis(50));
            if path.exists() { Err("a signal that is ignored was acted on".to_owned()) } else { Ok(()) }
        }
        "crowd" => {
            let others = place.join("others");
            std::fs::create_dir(&others).map_err(|it| it.to_string())?;
            thread::spawn(move || {
                for name in ["0", "1"].into_iter().cycle() {
                    drop(Profiler::new(others.join(name)));
                }
            });
            thread::sleep(Duration::from_millis(50));
            process::exit(0)
        }
        "fork" => fork(place, profiler),
        "agent" => {
            std::env::set_current_dir(place).map_err(|it| it.to_string())?;
            fork_agent()
        }
        other => Err(format!("a part, not {other:?}")),
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, part] = arguments.as_slice() else { return ExitCode::from(2) };
    match run(Path::new(path), part) {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::FAILURE
        }
    }
}
