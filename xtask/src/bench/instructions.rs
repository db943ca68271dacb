//! Instructions per 64-byte pair, counted by callgrind: independent of clocks and other processes, and the
//! same in every run.

use std::fmt::Write;

use super::build;
use super::contestants::{Contestant, Start};
use crate::clients;
use crate::failure::Failure;
use crate::shell::Line;
use crate::workspace::Workspace;

/// The count for a contestant's pair.
pub struct Count {
    name: String,
    reference: &'static str,
    instructions: f64,
}

/// Counts for each of these contestants that callgrind can run.
///
/// # Errors
/// When valgrind cannot be installed, or a program does not build or run.
pub fn count(
    workspace: &Workspace,
    contestants: Vec<&'static Contestant>,
    frame_pointers: bool,
) -> Result<Vec<Count>, Failure> {
    clients::ensure_one(&workspace.root, "valgrind")?;
    let wanted: Vec<&'static Contestant> = contestants.into_iter().filter(|it| !it.only_times()).collect();
    let programs = build::build(workspace, frame_pointers, &wanted)?;
    let mut counts = Vec::new();
    for contestant in wanted {
        println!("counting {}", contestant.name);
        let tool = programs.named("bench-instructions");
        let line = Line::new(programs.scratch(), tool).args([programs.path(contestant)]);
        let mut count = |name: String, line: Line<'_>| {
            let instructions = counted(&line)?;
            counts.push(Count { name, reference: contestant.reference, instructions });
            Ok::<(), Failure>(())
        };
        match contestant.start {
            Start::With(variables) => {
                count(contestant.name.to_owned(), build::with(line, variables))?;
            }
            _ if contestant.is_ours() => {
                // The interval is so long that nothing is sampled while callgrind counts: this is the fast
                // path alone.
                let rarely = line.clone().env("HIGHWATER", "interval:1GiB");
                count(contestant.name.to_owned(), line.without_env("HIGHWATER"))?;
                count(format!("{}, unsampled", contestant.name), rarely)?;
            }
            _ => count(contestant.name.to_owned(), line)?,
        }
    }
    Ok(counts)
}

/// The number that the tool prints.
fn counted(line: &Line<'_>) -> Result<f64, Failure> {
    let output = line.capture()?;
    output
        .trim()
        .parse()
        .map_err(|_| Failure::Output { command: line.shown(), what: output.trim().to_owned() })
}

/// The counts, each also as the difference from its reference.
pub fn table(counts: &[Count]) -> String {
    let mut text =
        format!("Instructions per pair of 64 bytes\n\n{:<29} {:>8} {:>16}\n", "", "all", "above reference");
    for count in counts {
        let reference = counts.iter().find(|it| it.name == count.reference && count.name != it.name);
        let above = reference.map(|it| format!("{:+.1}", count.instructions - it.instructions));
        let row = format!("{:<29} {:>8.1} {:>16}", count.name, count.instructions, above.unwrap_or_default());
        let _ = writeln!(text, "{}", row.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_shown_above_its_reference() {
        let counts = [
            Count { name: "no-op".to_owned(), reference: "no-op", instructions: 157.0 },
            Count { name: "highwater".to_owned(), reference: "no-op", instructions: 172.04 },
        ];
        let text = table(&counts);
        let row = |name: &str| text.lines().find(|line| line.starts_with(name)).map(str::trim_end).unwrap();
        assert_eq!(row("highwater").split_whitespace().collect::<Vec<_>>(), ["highwater", "172.0", "+15.0"]);
        assert_eq!(row("no-op").split_whitespace().collect::<Vec<_>>(), ["no-op", "157.0"]);
    }
}
