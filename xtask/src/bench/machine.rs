//! A description of the machine behind the numbers, without its name and the date.

use std::fs;
use std::thread::available_parallelism;

use crate::failure::Failure;
use crate::shell::Line;
use crate::workspace::Workspace;

/// Processor, cores, kernel and compiler, in one line.
///
/// # Errors
/// When the compiler does not print its version.
pub fn description(workspace: &Workspace) -> Result<String, Failure> {
    let cpu = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| model(&text).map(str::to_owned));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let rustc = Line::new(&workspace.root, "rustc").args(["--version"]).capture()?;
    Ok(format!(
        "{}, {} cores, {} {}, {}",
        cpu.as_deref().unwrap_or(std::env::consts::ARCH),
        available_parallelism().map_or(1, usize::from),
        std::env::consts::OS,
        kernel.trim(),
        rustc.trim()
    ))
}

fn model(cpuinfo: &str) -> Option<&str> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_processor_is_named() {
        let text = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nmodel name\t: Other\n";
        assert_eq!(model(text), Some("Some CPU @ 2 GHz"));
        assert_eq!(model("processor : 0"), None);
    }
}
