//! `highwater.toml`: settings that a project states once instead of on every command line.
//!
//! The command looks for the file in the current directory and its parents. An unknown key is an error that
//! names the line: a rule with a typing mistake must not be ignored silently.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use highwater_analyze::{Cause, Suppression};
use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

use crate::error::CliError;
use crate::parse;

const NAME: &str = "highwater.toml";

/// The project's settings.
#[derive(Debug, Default)]
pub(crate) struct Config {
    /// The file they come from; `None` if there is no file.
    pub(crate) path: Option<PathBuf>,
    /// Findings of `highwater leaks` that the project knows and accepts.
    pub(crate) accepted_leaks: Vec<Suppression>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    leaks: Leaks,
    /// The section of the leak harness, which reads it itself.
    #[serde(default, rename = "leaktest")]
    _leaktest: IgnoredAny,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Leaks {
    #[serde(default)]
    suppress: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    pattern: Spanned<String>,
    cause: Option<Spanned<String>>,
    reason: Spanned<String>,
}

impl Config {
    /// Reads the file at `path`, or the nearest one in the current directory or its parents.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self, CliError> {
        let found = path.map(Path::to_owned).or_else(find);
        let Some(path) = found else { return Ok(Self::default()) };
        let text = fs::read_to_string(&path)
            .map_err(|source| CliError::Unreadable { path: path.clone(), source })?;
        let accepted_leaks =
            read(&text).map_err(|(line, reason)| CliError::Config { path: path.clone(), line, reason })?;
        Ok(Self { path: Some(path), accepted_leaks })
    }
}

fn find() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors().map(|it| it.join(NAME)).find(|it| it.is_file())
}

/// A line, from 1, and the fault on it.
type Fault = (usize, String);

fn read(text: &str) -> Result<Vec<Suppression>, Fault> {
    let line = |span: Range<usize>| 1 + text.get(..span.start).unwrap_or(text).matches('\n').count();
    let document: Document = toml::from_str(text).map_err(|error| {
        let reason = error.message().lines().collect::<Vec<_>>().join(" ");
        (error.span().map_or(1, line), reason)
    })?;
    let rules = document.leaks.suppress.into_iter().map(|rule| {
        let fault = |span, reason| Err((line(span), reason));
        if rule.pattern.get_ref().is_empty() {
            return fault(rule.pattern.span(), "`pattern` is empty, and would accept everything".to_owned());
        }
        let pattern = match parse::regex(rule.pattern.get_ref()) {
            Ok(pattern) => pattern,
            Err(error) => {
                return fault(rule.pattern.span(), format!("`pattern` is no regular expression: {error}"));
            }
        };
        if rule.reason.get_ref().trim().is_empty() {
            return fault(rule.reason.span(), "`reason` is empty: say why this is accepted".to_owned());
        }
        let cause = match &rule.cause {
            None => None,
            Some(name) => match Cause::ALL.into_iter().find(|it| it.name() == name.get_ref()) {
                Some(cause) => Some(cause),
                None => {
                    let causes = Cause::ALL.map(Cause::name).join(", ");
                    return fault(
                        name.span(),
                        format!("there is no cause `{}`; the causes are {causes}", name.get_ref()),
                    );
                }
            },
        };
        Ok(Suppression { pattern, cause, reason: rule.reason.into_inner() })
    });
    rules.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_have_a_pattern_a_reason_and_maybe_a_cause() {
        let rules = read(
            "# known\n[[leaks.suppress]]\npattern = \"Interner::\"\nreason = \"names are kept\"\n\n[[leaks.suppress]]\npattern = 'b\\.rs'\ncause = \"never_freed\"\nreason = \"r\"\n",
        )
        .unwrap();
        assert_eq!(
            (rules[0].pattern.as_str(), rules[0].cause, rules[0].reason.as_str()),
            ("Interner::", None, "names are kept")
        );
        assert_eq!((rules[1].pattern.as_str(), rules[1].cause), ("b\\.rs", Some(Cause::NeverFreed)));
        assert!(read("").unwrap().is_empty() && read("[leaks]\n").unwrap().is_empty());
        assert!(read("[leaktest]\ngrace = \"2s\"\n").unwrap().is_empty(), "the leak harness reads this");
    }

    #[test]
    fn errors_name_their_line() {
        const RULE: &str = "[[leaks.suppress]]\n";
        for (text, line, expected) in [
            (format!("\n{RULE}pattern = \"a\"\nreasn = \"r\"\n"), 4, "reasn"),
            (format!("{RULE}pattern = \"a\"\n"), 1, "reason"),
            (format!("{RULE}reason = \"a\"\n"), 1, "pattern"),
            (format!("{RULE}pattern = \"a\"\nreason = \" \"\n"), 3, "`reason` is empty"),
            (format!("{RULE}pattern = \"\"\nreason = \"r\"\n"), 2, "`pattern` is empty"),
            (format!("{RULE}pattern = \"a(\"\nreason = \"r\"\n"), 2, "unclosed group"),
            (format!("{RULE}pattern = \"a\"\nreason = \"r\"\ncause = \"leak\"\n"), 4, "outlives_its_kind"),
            (format!("{RULE}pattern = 7\nreason = \"r\"\n"), 2, "string"),
            ("[leak]\n".to_owned(), 1, "leak"),
            ("[leaks]\nignore = []\n".to_owned(), 2, "ignore"),
            ("[leaks]\n\nsuppress = [\n".to_owned(), 3, ""),
        ] {
            let (at, reason) = read(&text).unwrap_err();
            assert!(
                at == line && reason.contains(expected) && !reason.contains('\n'),
                "{text}: {at}: {reason}"
            );
        }
    }
}
