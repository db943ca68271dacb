//! Tells the sources how the program is built. `cfg(unoptimized)`: without optimization.
//! `cfg(malloc_hooked)`: blocks are seen in front of the C library's `malloc`, as `highwater-hooks` decides
//! it, and the harness need not be the program's allocator.
#![forbid(unsafe_code)]

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(malloc_hooked)");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|it| it.split(',').any(|it| it == value));
    let is_sanitized = env::var_os("CARGO_CFG_SANITIZE").is_some_and(|it| !it.is_empty());
    if is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
        && env::var_os("CARGO_CFG_MIRI").is_none()
        && !is_sanitized
        && !is("CARGO_CFG_TARGET_FEATURE", "crt-static")
        && (is("CARGO_CFG_TARGET_ARCH", "x86_64") || is("CARGO_CFG_TARGET_ARCH", "aarch64"))
    {
        println!("cargo::rustc-cfg=malloc_hooked");
    }
    println!("cargo::rustc-check-cfg=cfg(unoptimized)");
    // Cargo builds dependencies alike unless a profile says otherwise of one by its name.
    if env::var("OPT_LEVEL").is_ok_and(|level| level == "0") {
        println!("cargo::rustc-cfg=unoptimized");
    }
}
