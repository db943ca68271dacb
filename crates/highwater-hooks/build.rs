//! Decides whether this platform has the hooks, so that the sources ask one question: `cfg(hooked)`.
#![forbid(unsafe_code)]

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(hooked)");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|it| it.split(',').any(|it| it == value));
    // With the C library linked in statically there is no second `pthread_create` to call, and Miri has neither.
    let hooked = is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
        && !is("CARGO_CFG_TARGET_FEATURE", "crt-static")
        && env::var_os("CARGO_CFG_MIRI").is_none();
    if hooked {
        println!("cargo::rustc-cfg=hooked");
    }
}
