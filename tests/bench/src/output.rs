//! The line of JSON that a program prints. Every value is a number, so it is written by hand: programs whose
//! instructions are counted link no serializer.

use std::fmt::{self, Display, Formatter};

use crate::estimate::Estimate;
use crate::totals::Totals;

/// The results of a run; parts that do not apply are `None` or empty.
#[derive(Debug, Default)]
pub struct Output {
    /// Nanoseconds per operation, slice by slice.
    pub slices_ns: Vec<f64>,
    /// The workload's own count of its allocations.
    pub own: Option<Totals>,
    /// The tool's counts during the workload.
    pub during: Option<Totals>,
    /// The tool's counts since the process started.
    pub whole: Option<Totals>,
    /// The sums of the tool's profile since the process started.
    pub estimate: Option<Estimate>,
}

impl Display for Output {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let slices: Vec<String> = self.slices_ns.iter().map(|ns| format!("{ns:.3}")).collect();
        write!(f, r#"{{"slices_ns":[{}],"peak_rss_bytes":"#, slices.join(","))?;
        value(f, peak_rss_bytes())?;
        for (name, totals) in [("own", self.own), ("during", self.during), ("whole", self.whole)] {
            write!(f, r#","{name}":"#)?;
            value(f, totals.map(json))?;
        }
        f.write_str(r#","estimate":"#)?;
        let estimate = self.estimate.map(|it| {
            format!(
                r#"{{"alloc_bytes":{:.0},"alloc_error":{:.0},"live_bytes":{:.0},"live_error":{:.0}}}"#,
                it.alloc_bytes, it.alloc_error, it.live_bytes, it.live_error
            )
        });
        value(f, estimate)?;
        f.write_str("}")
    }
}

fn value(f: &mut Formatter<'_>, value: Option<impl Display>) -> fmt::Result {
    match value {
        Some(value) => value.fmt(f),
        None => f.write_str("null"),
    }
}

fn json(totals: Totals) -> String {
    format!(
        r#"{{"alloc_blocks":{},"alloc_bytes":{},"live_blocks":{},"live_bytes":{}}}"#,
        totals.alloc_blocks, totals.alloc_bytes, totals.live_blocks, totals.live_bytes
    )
}

/// Maximum resident memory of the process so far, in bytes; `None` if the system does not say.
fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_null() {
        let line = Output { slices_ns: vec![1.5, 2.0], own: Some(Totals::default()), ..Output::default() };
        let line = line.to_string();
        assert!(line.starts_with(r#"{"slices_ns":[1.500,2.000],"peak_rss_bytes":"#), "{line}");
        assert!(
            line.contains(r#""own":{"alloc_blocks":0,"#) && line.ends_with(r#""estimate":null}"#),
            "{line}"
        );
    }
}
