//! The traps that need no other files than the program.

use highwater_tests::truth::{Demand, functions};

use crate::run::{SAMPLED, Trap};

macro_rules! program {
    ($name:literal) => {
        Trap::new(env!(concat!("CARGO_BIN_EXE_", $name)))
    };
}

#[test]
fn an_inner_allocator_may_call_back() {
    program!("trap_reentrancy").passes();
    program!("trap_reentrancy").mode(SAMPLED).passes();
}

#[test]
fn a_lock_around_an_inner_allocator_that_calls_back_is_noticed() {
    program!("trap_reentrancy").plant("lock").hangs();
}

#[test]
fn allocations_before_main_are_recorded() {
    let profile = program!("trap_bootstrap").passes();
    let below_main = profile.samples.iter().filter(|sample| {
        let mut functions = functions(&profile, sample.stack);
        functions.any(|it| it.ends_with("trap_bootstrap::begin"))
            && functions.any(|it| it.ends_with("::main"))
    });
    assert_eq!(below_main.count(), 0, "the constructor runs before main and not below it");
    program!("trap_bootstrap").mode(SAMPLED).passes();
}

#[test]
fn a_recorder_that_begins_in_main_is_noticed() {
    program!("trap_bootstrap").plant("late").assert_found_wrong("allocated before main alone");
}

#[test]
fn a_thread_that_is_ending_is_counted_to_the_last_destructor() {
    program!("trap_tls").passes();
    program!("trap_tls").mode(SAMPLED).passes();
}

#[test]
fn thread_local_state_that_is_destroyed_is_noticed() {
    program!("trap_tls").plant("tls").assert_found_wrong("totals:");
}

#[test]
fn a_fork_leaves_parent_and_child_whole() {
    program!("trap_fork").passes();
    program!("trap_fork").mode(SAMPLED).passes();
}

#[test]
fn a_lock_that_a_fork_leaves_taken_is_noticed() {
    program!("trap_fork").plant("lock").hangs();
}

#[test]
fn exit_handlers_may_allocate_and_take_snapshots() {
    program!("trap_atexit").demand(Demand::ExactSites).passes();
    program!("trap_atexit").mode(SAMPLED).passes();
}

#[test]
fn state_that_is_gone_in_exit_handlers_is_noticed() {
    program!("trap_atexit").demand(Demand::ExactSites).plant("tls").assert_found_wrong("recorded");
}

#[test]
fn signal_handlers_may_allocate() {
    for mode in ["exact", SAMPLED] {
        program!("trap_signal").arg("storm").mode(mode).passes();
    }
}

#[test]
fn a_thread_may_allocate_first_in_a_signal_handler() {
    program!("trap_signal").arg("first").demand(Demand::ExactSites).passes();
}

#[test]
fn a_lock_that_a_signal_handler_finds_taken_is_noticed() {
    program!("trap_signal").arg("storm").plant("lock").hangs();
}

#[test]
fn stacks_may_be_made_by_hand() {
    let profile = program!("trap_alt_stack").passes();
    let coroutines: Vec<Vec<&str>> = profile
        .samples
        .iter()
        .map(|sample| functions(&profile, sample.stack).collect::<Vec<_>>())
        .filter(|functions| functions.iter().any(|it| it.ends_with("::site_coroutine")))
        .collect();
    // There are 21 depths, each below the coroutine's own start.
    assert!(coroutines.len() >= 21, "{}", coroutines.len());
    assert!(coroutines.iter().all(|functions| functions.iter().any(|it| it.ends_with("::begin"))));
    program!("trap_alt_stack").mode(SAMPLED).passes();
}

#[test]
fn a_walk_by_the_bounds_of_another_stack_is_noticed() {
    program!("trap_alt_stack").plant("scan").crashes();
}

#[test]
fn own_memory_is_not_the_programs() {
    program!("trap_own_memory").passes();
    program!("trap_own_memory").mode(SAMPLED).passes();
}

#[test]
fn own_memory_taken_for_the_programs_is_noticed() {
    program!("trap_own_memory")
        .plant("own")
        .assert_found_wrong("the program's totals with a snapshot in memory");
}

#[test]
fn no_allocation_waits_for_a_snapshot() {
    let profile = program!("trap_snapshot_wait").demand(Demand::Sampled).passes();
    let live = profile.samples.total(profile.sample_type("inuse_objects").unwrap());
    assert!(live > 90_000 && profile.samples.len() > 90_000, "{live} in {} rows", profile.samples.len());
}

#[test]
fn a_snapshot_that_stops_allocations_is_noticed() {
    program!("trap_snapshot_wait")
        .demand(Demand::Sampled)
        .plant("stop")
        .assert_found_wrong("wait for snapshots");
}
