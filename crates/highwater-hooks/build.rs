//! Decides whether this platform has the hooks, so that the sources ask one question: `cfg(hooked)`.
#![forbid(unsafe_code)]

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(hooked)");
    println!("cargo::rustc-check-cfg=cfg(malloc_hooked)");
    println!("cargo::rustc-check-cfg=cfg(glibc)");
    println!("cargo::rustc-check-cfg=cfg(sanitized)");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|it| it.split(',').any(|it| it == value));
    // With the C library linked in statically there is no second `pthread_create` to call, and Miri has
    // neither.
    let glibc = is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
        && env::var_os("CARGO_CFG_MIRI").is_none();
    if glibc {
        // The exit code can be had in either case.
        println!("cargo::rustc-cfg=glibc");
    }
    // A sanitizer stands in front of the same functions, and is not ready when the loader first calls them.
    let sanitized = env::var_os("CARGO_CFG_SANITIZE").is_some_and(|it| !it.is_empty());
    if sanitized {
        println!("cargo::rustc-cfg=sanitized");
    }
    if glibc && !sanitized && !is("CARGO_CFG_TARGET_FEATURE", "crt-static") {
        println!("cargo::rustc-cfg=hooked");
        let is_for_harness = env::var_os("CARGO_FEATURE_HARNESS").is_some();
        // What stands in front of `malloc` has to know who called, which takes a few instructions of each
        // architecture.
        if is_for_harness && (is("CARGO_CFG_TARGET_ARCH", "x86_64") || is("CARGO_CFG_TARGET_ARCH", "aarch64"))
        {
            println!("cargo::rustc-cfg=malloc_hooked");
        }
    }
}
