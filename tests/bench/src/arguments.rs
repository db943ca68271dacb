//! The command line of a benchmark program. It is parsed by hand, because a program whose instructions are
//! counted should link nothing that it does not run.

use std::path::PathBuf;
use std::time::Duration;

use crate::failure::Failure;

/// The workload and its length.
#[derive(Debug, PartialEq)]
pub struct Arguments {
    pub workload: String,
    pub length: Length,
    /// Directory of the Rust sources to parse; only one workload needs it.
    pub sources: Option<PathBuf>,
}

/// The length of a run.
#[derive(Debug, PartialEq)]
pub enum Length {
    /// About this time, measured in slices after a warm-up.
    Time(Duration),
    /// Exactly this many operations, so that totals and memory can be compared.
    Operations(u64),
}

impl Arguments {
    /// Parses the words of a command line, without the program's name.
    ///
    /// # Errors
    /// When a word is unknown, or a required word is missing.
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let usage = |what: &str| Failure::Usage(what.to_owned());
        let workload = words.next().ok_or_else(|| usage("no workload is named"))?;
        let (mut length, mut sources) = (None, None);
        while let Some(word) = words.next() {
            let value = words.next().ok_or_else(|| usage(&format!("{word} needs a value")))?;
            let number = || value.parse().map_err(|_| usage(&format!("{value} is not a number")));
            match word.as_str() {
                "--millis" => length = Some(Length::Time(Duration::from_millis(number()?))),
                "--operations" => length = Some(Length::Operations(number()?)),
                "--sources" => sources = Some(PathBuf::from(value)),
                _ => return Err(usage(&format!("{word} is unknown"))),
            }
        }
        Ok(Self { workload, length: length.ok_or_else(|| usage("no length is given"))?, sources })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, Failure> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_line_is_read_in_any_order() {
        let arguments = parse("syn --sources /s --millis 20").unwrap();
        assert_eq!(arguments.length, Length::Time(Duration::from_millis(20)));
        assert_eq!(arguments.sources, Some(PathBuf::from("/s")));
        assert_eq!(parse("pair --operations 7").unwrap().length, Length::Operations(7));
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        for (line, named) in [
            ("", "workload"),
            ("pair", "length"),
            ("pair --millis", "--millis"),
            ("pair --millis x", "x is not"),
            ("pair --seconds 1", "--seconds"),
        ] {
            let failure = parse(line).unwrap_err().to_string();
            assert!(failure.contains(named), "{line}: {failure}");
        }
    }
}
