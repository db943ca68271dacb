//! Blocks that are left, and blocks that are freed in time.

use std::cell::{Cell, RefCell};
use std::hint::black_box;
use std::rc::{Rc, Weak};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use highwater_leaktest::check;

use super::block;

#[highwater_leaktest::test(deny(blocks))]
fn leak_box() {
    Box::leak(Box::new([1_u8; 64])); // blocks_left: 1
}

#[highwater_leaktest::test(deny(blocks))]
fn leak_three_vectors() {
    for size in [10, 20, 30] {
        std::mem::forget(vec![0_u8; size]); // blocks_left: 3
    }
}

struct Node {
    next: RefCell<Option<Rc<Node>>>,
}

#[highwater_leaktest::test(deny(blocks))]
fn leak_cycle() {
    let first = Rc::new(Node { next: RefCell::new(None) }); // blocks_left: 1
    let second = Rc::new(Node { next: RefCell::new(Some(Rc::clone(&first))) }); // blocks_left: 1
    *first.next.borrow_mut() = Some(Rc::clone(&second));
}

struct Tree {
    parent: RefCell<Weak<Tree>>,
    children: RefCell<Vec<Rc<Tree>>>,
}

#[highwater_leaktest::test(deny(blocks))]
fn clean_tree_with_weak_parents() {
    let tree = || Rc::new(Tree { parent: RefCell::default(), children: RefCell::default() });
    let (root, leaf) = (tree(), tree());
    *leaf.parent.borrow_mut() = Rc::downgrade(&root);
    root.children.borrow_mut().push(leaf);
    assert!(root.children.borrow()[0].parent.borrow().upgrade().is_some());
}

static GROWS: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

#[highwater_leaktest::test(deny(blocks))]
fn leak_into_a_static() {
    let mut grows = GROWS.lock().unwrap();
    grows.reserve_exact(1); // blocks_left: 1
    grows.push(Vec::new());
}

#[highwater_leaktest::test(deny(blocks))]
fn leak_in_a_grandchild() {
    let grandchild = || std::mem::forget(vec![0_u8; 777]); // blocks_left: 1
    thread::spawn(move || thread::spawn(grandchild).join().unwrap()).join().unwrap();
}

#[highwater_leaktest::test(deny(blocks))]
fn leak_grown_by_reallocation() {
    let mut grows = Vec::with_capacity(1);
    for value in 0..1000_u64 {
        grows.push(value); // blocks_left: 1
    }
    std::mem::forget(black_box(grows));
}

#[highwater_leaktest::test(deny(blocks))]
fn leak_arc_in_a_detached_closure() {
    let shared = Arc::new([0_u8; 48]); // blocks_left: 1
    let closure: Box<dyn Fn() -> u8> = Box::new(move || shared[0]); // blocks_left: 1
    std::mem::forget(closure);
}

#[test]
fn leak_under_a_guard_that_denies_blocks() {
    let _leaks = check().deny_blocks();
    Box::leak(Box::new([1_u8; 32])); // blocks_left: 1
}

#[test]
fn clean_under_a_guard_that_allows_them() {
    let _leaks = check().deny_blocks().allow_blocks("*::left::clean_under_a_guard_that_allows_them");
    Box::leak(Box::new([1_u8; 32]));
}

fn intern(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

#[highwater_leaktest::test(deny(blocks), allow(blocks = "*::left::intern"))]
fn clean_allowed_by_the_attribute() {
    assert_eq!(intern("name"), "name");
}

#[highwater_leaktest::test(deny(blocks), allow(blocks = "*::left::intern"))]
fn leak_beside_what_is_allowed() {
    assert_eq!(intern("name"), "name");
    Box::leak(Box::new([1_u8; 16])); // blocks_left: 1
}

fn by_rule() {
    Box::leak(Box::new([1_u8; 16]));
}

#[highwater_leaktest::test(deny(blocks))]
fn clean_allowed_by_a_rule() {
    by_rule();
}

#[highwater_leaktest::test(deny(blocks))]
fn clean_freed_by_a_thread_within_the_grace() {
    let kept = block(500);
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(60));
        drop(kept);
    });
}

#[highwater_leaktest::test]
fn clean_without_being_asked() {
    std::mem::forget(block(100));
}

thread_local! {
    static OF_THE_THREAD: RefCell<Vec<u8>> = RefCell::new(block(300));
    static EMPTY: Cell<u8> = const { Cell::new(0) };
}

#[highwater_leaktest::test(deny(blocks))]
fn clean_kept_by_a_thread_local() {
    EMPTY.set(1);
    assert_eq!(OF_THE_THREAD.with_borrow(Vec::len), 300);
}

#[highwater_leaktest::test(deny(blocks))]
#[should_panic(expected = "on purpose")]
fn clean_that_should_panic() {
    let _kept = block(100);
    panic!("on purpose: {}", 7);
}

#[highwater_leaktest::test(deny(blocks))]
#[should_panic]
fn leak_in_a_test_that_should_panic() {
    std::mem::forget(vec![0_u8; 90]); // blocks_left: 1
    panic!("on purpose");
}

#[highwater_leaktest::test(deny(blocks))]
fn clean_result() -> Result<(), Box<dyn std::error::Error>> {
    let number: u32 = "7".parse()?;
    assert_eq!(number, 7);
    Ok(())
}

#[highwater_leaktest::test(deny(blocks))]
fn clean_error_that_fails() -> Result<(), String> {
    std::mem::forget(block(10));
    Err("on purpose".to_owned())
}

#[highwater_leaktest::test(deny(blocks))]
#[tokio::test]
async fn clean_with_tokio() {
    let task = tokio::spawn(async { block(400).len() });
    assert_eq!(task.await.unwrap(), 400);
}

#[highwater_leaktest::test(deny(blocks))]
#[tokio::test]
async fn leak_in_a_task() {
    let task = tokio::spawn(async { std::mem::forget(vec![0_u8; 55]) }); // blocks_left: 1
    task.await.unwrap();
}
