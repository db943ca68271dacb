//! Profiles of a small shop that leaks, their pages, and the command's answers about them.

use std::fs;
use std::process::Command;

use highwater_profile::{
    Label, LabelValue, Line, Location, LocationId, Meta, Profile, ValueType, file, pprof,
};
use highwater_tests::{highwater, succeed};
use serde_json::Value;
use tempfile::TempDir;

/// A name that would run code on a page that does not escape it.
pub const HOSTILE: &str =
    "<img src=x onerror=alert(1)></script><script>document.body.remove()</script>\n&amp;";

/// A directory with profiles `0.pb.gz` to `3.pb.gz` of one process and `hostile.pb.gz`.
pub struct Place(pub TempDir);

impl Place {
    pub fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for at in 0..4 {
            place.write(&format!("{at}.pb.gz"), &moment(at));
        }
        let mut hostile = empty(9);
        let frame = frame(&mut hostile, HOSTILE, "src/\"evil\".rs", 1);
        push(&mut hostile, &[frame], 9, 1 << 20, 10);
        place.write("hostile.pb.gz", &hostile);
        place
    }

    /// Writes a profile with more stacks than fit on a page.
    pub fn large(&self, name: &str) {
        let mut profile = empty(1);
        let frames: Vec<LocationId> = (0..3_000)
            .map(|at| {
                frame(&mut profile, &format!("shop::module{}::function{at}", at % 50), "src/shop.rs", at)
            })
            .collect();
        // A step that has no common factor with the number of frames reaches all frames.
        let stack = |at: usize| {
            let steps: Vec<usize> = (1..=12).map(|depth| at * depth * 1_009 % frames.len()).collect();
            steps.into_iter().map(|it| frames[it]).collect::<Vec<_>>()
        };
        for at in 0..20_000 {
            push(&mut profile, &stack(at), 1 + (at % 7) as i64, 64 << 10, 1);
        }
        self.write(name, &profile);
    }

    /// Writes a profile whose names are as long as generic code has them, with frames of libraries between
    /// the program's own.
    pub fn long_names(&self, name: &str) {
        let mut profile = empty(2);
        let registry =
            "/home/u/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/tokio-1.47.0/src/runtime/task";
        for at in 0..6 {
            let arguments = "core::pin::Pin<alloc::boxed::Box<dyn Future<Output = ()>>>, ".repeat(4 + at);
            let own = format!(
                "shop::orders::v{at}::Handler<{arguments}u8>::answer_a_request_with_all_that_it_needs::{{{{closure}}}}"
            );
            let own = frame(
                &mut profile,
                &own,
                &format!("crates/shop-orders/src/very/deep/folder/of/sources/number_{at}.rs"),
                4711,
            );
            let library = |profile: &mut Profile, depth: i64| {
                frame(
                    profile,
                    &format!("tokio::runtime::task::core::Core<{arguments}S>::poll{depth}"),
                    &format!("{registry}/core.rs"),
                    depth,
                )
            };
            let libraries: Vec<LocationId> = (0..20).map(|depth| library(&mut profile, depth)).collect();
            let main = frame(&mut profile, "shop::main", "src/main.rs", 7);
            let stack: Vec<LocationId> = [own].into_iter().chain(libraries).chain([main]).collect();
            push(&mut profile, &stack, 40 - at as i64, 1 << 20, 1);
        }
        self.write(name, &profile);
    }

    fn write(&self, name: &str, profile: &Profile) {
        let path = self.0.path().join(name);
        file::write_atomically(&path, |out| pprof::write(profile, out)).unwrap();
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(highwater());
        command.current_dir(self.0.path()).args(arguments.split_whitespace());
        command.env("XDG_CACHE_HOME", self.0.path());
        command
    }

    /// The page of these profiles.
    pub fn page(&self, files: &str) -> String {
        succeed(&mut self.command(&format!("report {files} -o page.html")));
        fs::read_to_string(self.0.path().join("page.html")).unwrap()
    }

    /// A JSON answer.
    pub fn json(&self, arguments: &str) -> Value {
        serde_json::from_str(&succeed(&mut self.command(arguments))).unwrap()
    }
}

fn empty(epoch: i64) -> Profile {
    let types = [
        ("alloc_objects", "count"),
        ("alloc_space", "bytes"),
        ("inuse_objects", "count"),
        ("inuse_space", "bytes"),
    ];
    let mut profile = Profile::new(types.map(|(kind, unit)| ValueType::new(kind, unit)).to_vec());
    profile.default_sample_type = Some(3);
    profile.period_type = Some(ValueType::new("space", "bytes"));
    profile.period = 512 << 10;
    profile.time_ns = 1_700_000_000_000_000_000 + epoch * 60_000_000_000;
    let (process, epoch) = (Some(7), Some(epoch + 1));
    let rss_bytes = Some((60 << 20) + (30 << 20) * epoch.unwrap_or(0));
    profile.meta = Some(Meta {
        format: Some(1),
        process,
        epoch,
        rss_bytes,
        cgroup_limit_bytes: Some(512 << 20),
        ..Meta::default()
    });
    profile
}

/// The shop after this many minutes: `add` keeps a block of 1 MiB for each of 40 orders a minute, `archive`
/// holds four blocks of 2 MiB all the time.
fn moment(minute: i64) -> Profile {
    let mut profile = empty(minute);
    let library = "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/alloc/src/raw_vec/mod.rs";
    let grow = frame(&mut profile, "alloc::raw_vec::finish_grow", library, 500);
    let add = frame(&mut profile, "shop::index::Index::add", "src/index.rs", 88);
    let archive = frame(&mut profile, "shop::load::archive", "src/load.rs", 12);
    let main = frame(&mut profile, "shop::main", "src/main.rs", 7);
    for born in 0..=minute {
        push(&mut profile, &[grow, add, main], 40, 1 << 20, born + 1);
    }
    push(&mut profile, &[grow, archive, main], 4, 2 << 20, 1);
    profile
}

fn frame(profile: &mut Profile, name: &str, file: &str, line: i64) -> LocationId {
    let function = profile.add_function(name, name, file);
    profile.add_location(Location::symbolized(vec![Line::new(function, line)]))
}

fn push(profile: &mut Profile, stack: &[LocationId], blocks: i64, block_bytes: i64, born: i64) {
    let [size, birth] = ["bytes", "birth_epoch"].map(|it| profile.strings.intern(it));
    let unit = profile.strings.intern("");
    let labels = [
        Label { key: size, value: LabelValue::Number(block_bytes, size) },
        Label { key: birth, value: LabelValue::Number(born, unit) },
    ];
    let bytes = blocks * block_bytes;
    profile.samples.push(stack, &[2 * blocks, 2 * bytes, blocks, bytes], &labels);
}
