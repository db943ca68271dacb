//! Threads that belong to the process, and some that do not although they pass by such.

use std::sync::{LazyLock, Mutex, Once, OnceLock, mpsc};
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::{named, stay};

#[test]
fn clean_lazily_started_by_a_lazy_lock() {
    static POOL: LazyLock<thread::JoinHandle<()>> = LazyLock::new(|| named("lazy-lock").spawn(stay).unwrap());
    assert!(!POOL.is_finished());
}

#[test]
fn clean_lazily_started_by_a_once_lock() {
    static POOL: OnceLock<thread::JoinHandle<()>> = OnceLock::new();
    assert!(!POOL.get_or_init(|| named("once-lock").spawn(stay).unwrap()).is_finished());
}

#[test]
fn clean_lazily_started_by_a_once() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| drop(named("once").spawn(stay).unwrap()));
}

/// The calls between the initialisation and the thread are more than a stack with a bound keeps.
#[test]
fn clean_lazily_started_by_deep_calls() {
    static POOL: LazyLock<thread::JoinHandle<()>> = LazyLock::new(|| below(400));
    fn below(depth: usize) -> thread::JoinHandle<()> {
        if depth == 0 {
            return named("deep-once").spawn(stay).unwrap();
        }
        std::hint::black_box(below(depth - 1))
    }
    assert!(!POOL.is_finished());
}

#[test]
fn clean_descriptor_lazily_opened_by_deep_calls() {
    static FILE: LazyLock<std::fs::File> = LazyLock::new(|| below(400));
    fn below(depth: usize) -> std::fs::File {
        if depth == 0 {
            return std::fs::File::open("/dev/null").unwrap();
        }
        std::hint::black_box(below(depth - 1))
    }
    assert!(FILE.metadata().is_ok());
}

/// Starts threads whenever it is asked to.
fn pool() -> mpsc::Sender<()> {
    static POOL: OnceLock<mpsc::Sender<()>> = OnceLock::new();
    let start = || {
        let (sender, receiver) = mpsc::channel::<()>();
        let serve = move || receiver.iter().for_each(|()| drop(named("pool-child").spawn(stay).unwrap()));
        named("pool").spawn(serve).unwrap();
        sender
    };
    POOL.get_or_init(start).clone()
}

#[test]
fn clean_child_of_a_pool_of_the_process() {
    pool().send(()).unwrap();
}

#[test]
fn clean_another_child_of_that_pool() {
    pool().send(()).unwrap();
}

#[test]
fn clean_rayons_global_pool() {
    assert_eq!(rayon::join(|| 1, || 2), (1, 2));
}

#[test]
fn clean_rayons_global_pool_again() {
    assert_eq!(rayon::join(|| 3, || 4), (3, 4));
}

#[test]
fn clean_smols_global_executor() {
    smol::block_on(async {
        smol::spawn(async { 1 }).await;
        smol::Timer::after(std::time::Duration::from_millis(1)).await;
    });
}

#[test]
fn clean_smols_blocking_pool() {
    assert_eq!(smol::block_on(smol::unblock(|| 1)), 1);
}

/// Asks a client of the process, as a blocking client of HTTP is: a thread of its own has a task for each
/// request, and tasks for what is kept for the next one.
fn request() {
    static CLIENT: LazyLock<UnboundedSender<mpsc::Sender<()>>> = LazyLock::new(|| {
        let (sender, mut requests) = unbounded_channel::<mpsc::Sender<()>>();
        let serve = async move {
            while let Some(answer) = requests.recv().await {
                tokio::spawn(async move {
                    tokio::spawn(std::future::pending::<()>());
                    let _ = answer.send(());
                });
            }
        };
        named("client").spawn(|| Builder::new_current_thread().build().unwrap().block_on(serve)).unwrap();
        sender
    });
    let (answer, answered) = mpsc::channel();
    CLIENT.send(answer).unwrap();
    answered.recv().unwrap();
}

#[test]
fn clean_request_by_a_client_of_the_process() {
    request();
}

#[test]
fn clean_second_request_by_that_client() {
    request();
    request();
}

#[test]
fn clean_third_request_by_that_client() {
    request();
}

/// What a test spawns itself is its own, wherever it runs.
#[test]
fn leak_of_a_task_in_the_runtime_of_a_thread_of_the_process() {
    static RUNTIME: LazyLock<Handle> = LazyLock::new(|| {
        let runtime = Builder::new_current_thread().build().unwrap();
        let handle = runtime.handle().clone();
        named("runtime").spawn(move || runtime.block_on(std::future::pending::<()>())).unwrap();
        handle
    });
    RUNTIME.spawn(std::future::pending::<()>()); // leak: task Pending
}

#[test]
fn leak_beside_a_pool_of_the_process() {
    rayon::join(|| (), || ());
    named("beside-pool").spawn(stay).unwrap(); // leak: beside-pool
}

#[test]
fn leak_into_a_static_that_is_no_lazy_one() {
    static THREADS: Mutex<Vec<thread::JoinHandle<()>>> = Mutex::new(Vec::new());
    THREADS.lock().unwrap().push(named("in-static").spawn(stay).unwrap()); // leak: in-static
}

#[test]
fn leak_with_the_name_of_a_pool() {
    named("tokio-rt-worker").spawn(stay).unwrap(); // leak: tokio-rt-worker
}
