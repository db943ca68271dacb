//! Tells the sources how the program is built, so that they ask one question: `cfg(unoptimized)`.
#![forbid(unsafe_code)]

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(unoptimized)");
    // Cargo builds dependencies alike unless a profile says otherwise of one by its name.
    if env::var("OPT_LEVEL").is_ok_and(|it| it == "0") {
        println!("cargo::rustc-cfg=unoptimized");
    }
}
