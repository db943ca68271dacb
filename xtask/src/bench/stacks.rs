//! The cost per frame of a stack walk when all frames have been walked before.

use std::fmt::Write;
use std::path::PathBuf;

use crate::clients;
use crate::failure::Failure;
use crate::shell::Line;
use crate::workspace::Workspace;

/// Numbers of frames in the stacks.
const DEPTHS: [u64; 2] = [20, 60];

/// Numbers of timed walks: by Highwater, and by the system's unwinder, which takes a hundred times as long.
const WALKS: [u64; 2] = [200_000, 2_000];

/// Numbers of walks whose instructions are counted. Their difference excludes the start of the process.
const COUNTED: [u64; 2] = [100, 1_100];

/// Number of runs of the program.
const RUNS: u64 = 5;

/// A walking method, and the build of the program for it.
struct Method {
    name: &'static str,
    /// The method's name on the program's command line.
    walker: &'static str,
    /// Whether the program is built with frame pointers.
    frame_pointers: bool,
}

const METHODS: [Method; 3] = [
    Method { name: "unwind tables", walker: "walk", frame_pointers: false },
    Method { name: "frame pointers", walker: "walk", frame_pointers: true },
    Method { name: "system's unwinder", walker: "system", frame_pointers: false },
];

/// The cost of a method.
pub struct Cost {
    name: &'static str,
    /// Nanoseconds per frame, for each of [`DEPTHS`].
    ns: [f64; 2],
    /// Nanoseconds per frame for the first walk of a stack, at the smaller depth.
    first_ns: f64,
    /// Instructions per frame; `None` for the system's unwinder.
    instructions: Option<f64>,
}

/// Measures all methods.
///
/// # Errors
/// When valgrind cannot be installed, or a program does not build or run.
pub fn measure(workspace: &Workspace) -> Result<Vec<Cost>, Failure> {
    clients::ensure_one(&workspace.root, "valgrind")?;
    METHODS.iter().map(|method| cost(workspace, method)).collect()
}

fn cost(workspace: &Workspace, method: &Method) -> Result<Cost, Failure> {
    let program = build(workspace, method.frame_pointers)?;
    let is_ours = method.walker == "walk";
    let (mut ns, mut first) = ([0.0; 2], [0.0; 2]);
    for ((ns, first), depth) in ns.iter_mut().zip(&mut first).zip(DEPTHS) {
        let walks = WALKS[usize::from(!is_ours)].to_string();
        let line = Line::new(&workspace.root, &program).args([method.walker, &depth.to_string(), &walks]);
        let output = line.capture()?;
        let numbers: Vec<f64> = output.split_whitespace().filter_map(|it| it.parse().ok()).collect();
        let [frames, walk_ns, first_ns] = numbers[..] else {
            return Err(Failure::Output { command: line.shown(), what: output.trim().to_owned() });
        };
        (*ns, *first) = (walk_ns / frames, first_ns / frames);
    }
    let instructions = if is_ours { Some(count(workspace, &program)?) } else { None };
    Ok(Cost { name: method.name, ns, first_ns: first[0], instructions })
}

fn build(workspace: &Workspace, frame_pointers: bool) -> Result<PathBuf, Failure> {
    let directory =
        workspace.target.join(if frame_pointers { "bench-frame-pointers" } else { "bench-stacks" });
    Line::cargo(&workspace.root)
        .args(["build", "--release", "--package", "highwater-bench", "--no-default-features"])
        .args(["--bin", "bench-stacks", "--target-dir"])
        .args([&directory])
        .env("RUSTFLAGS", if frame_pointers { "-C force-frame-pointers=yes" } else { "" })
        .run()?;
    Ok(directory.join(format!("release/bench-stacks{}", std::env::consts::EXE_SUFFIX)))
}

/// Instructions per frame, from the difference between deep and shallow stacks.
fn count(workspace: &Workspace, program: &PathBuf) -> Result<f64, Failure> {
    let count = |depth: u64, walks: u64| {
        let line = Line::new(&workspace.root, "valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--log-fd=1"])
            .args([program])
            .args(["walk", &depth.to_string(), &walks.to_string()]);
        let output = line.capture()?;
        collected(&output).ok_or_else(|| Failure::Output { command: line.shown(), what: output })
    };
    let mut walks = [0.0; 2];
    for (walks, depth) in walks.iter_mut().zip(DEPTHS) {
        *walks = count(depth, COUNTED[1])? - count(depth, COUNTED[0])?;
    }
    let frames = (DEPTHS[1] - DEPTHS[0]) * (COUNTED[1] - COUNTED[0]) * RUNS;
    Ok((walks[1] - walks[0]) / frames as f64)
}

/// The count in callgrind's summary: `==1== Collected : 123`.
fn collected(messages: &str) -> Option<f64> {
    let line = messages.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}

/// The costs as a table.
pub fn table(costs: &[Cost]) -> String {
    let mut text = format!(
        "A frame of a stack walked before, in ns at {} and at {} frames and in instructions, and of one never walked\n\n",
        DEPTHS[0], DEPTHS[1]
    );
    let head = [DEPTHS[0].to_string(), DEPTHS[1].to_string()];
    let _ = writeln!(text, "{:<18} {:>8} {:>8} {:>13} {:>9}", "", head[0], head[1], "instructions", "first");
    for Cost { name, ns: [shallow, deep], first_ns, instructions } in costs {
        let instructions = instructions.map_or_else(String::new, |it| format!("{it:.1}"));
        let _ = writeln!(text, "{name:<18} {shallow:>8.2} {deep:>8.2} {instructions:>13} {first_ns:>9.0}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_rows() {
        let costs = [
            Cost { name: "unwind tables", ns: [5.0, 5.25], first_ns: 900.4, instructions: Some(52.04) },
            Cost { name: "system's unwinder", ns: [120.0, 121.0], first_ns: 1e4, instructions: None },
        ];
        let text = table(&costs);
        let rows: Vec<&str> = text.lines().skip(3).collect();
        assert_eq!(
            rows,
            [
                "unwind tables          5.00     5.25          52.0       900",
                "system's unwinder    120.00   121.00                   10000"
            ]
        );
    }

    #[test]
    fn the_count_is_found_among_the_messages() {
        assert_eq!(collected("20 400.1 9000\n==7== Events    : Ir\n==7== Collected : 1234\n"), Some(1234.0));
        assert_eq!(collected("20 400.1 9000\n"), None);
    }
}
