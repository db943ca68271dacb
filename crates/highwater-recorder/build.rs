//! Tells the sources what the compiler offers: `cfg(cold_path)` where the standard library has
//! `core::hint::cold_path`.
#![forbid(unsafe_code)]

use std::env;
use std::process::Command;

/// The first compiler with that function is 1.95.
const SINCE: u32 = 95;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(cold_path)");
    let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = Command::new(compiler).arg("--version").output().map(|it| it.stdout).unwrap_or_default();
    // `rustc 1.95.0 (59807616e 2026-04-14)`
    let said = String::from_utf8_lossy(&said);
    let minor = said.split('.').nth(1).and_then(|it| it.parse::<u32>().ok());
    if minor.is_some_and(|it| it >= SINCE) {
        println!("cargo::rustc-cfg=cold_path");
    }
}
