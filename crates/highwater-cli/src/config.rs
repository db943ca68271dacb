//! `highwater.toml`: settings that a project states once instead of on every command line.
//!
//! The command looks for the file in the current directory and its parents. An unknown key is an error that
//! names the line: a rule with a typing mistake must not be ignored silently.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use highwater_analyze::{Cause, ContainerRule, Element, Suppression};
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
    /// What the functions of the project's own collections allocate.
    pub(crate) containers: Vec<ContainerRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    leaks: Leaks,
    #[serde(default)]
    types: Types,
    /// The leak harness's own, which it reads itself.
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

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Types {
    #[serde(default)]
    container: Vec<Container>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Container {
    path: Spanned<String>,
    /// The position of a type argument, or a type.
    element: Spanned<ElementText>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ElementText {
    Argument(usize),
    Type(String),
}

impl Config {
    /// Reads the file at `path`, or the nearest one in the current directory or its parents.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self, CliError> {
        let found = path.map(Path::to_owned).or_else(find);
        let Some(path) = found else { return Ok(Self::default()) };
        let text = fs::read_to_string(&path)
            .map_err(|source| CliError::Unreadable { path: path.clone(), source })?;
        let config =
            read(&text).map_err(|(line, reason)| CliError::Config { path: path.clone(), line, reason })?;
        Ok(Self { path: Some(path), ..config })
    }
}

fn find() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors().map(|it| it.join(NAME)).find(|it| it.is_file())
}

/// A line, from 1, and the fault on it.
type Fault = (usize, String);

fn read(text: &str) -> Result<Config, Fault> {
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
    let containers = document.types.container.into_iter().map(|rule| {
        if rule.path.get_ref().trim().is_empty() {
            return Err((line(rule.path.span()), "`path` is empty: name a type or a function".to_owned()));
        }
        let element = match rule.element.into_inner() {
            ElementText::Argument(at) => Element::Argument(at),
            ElementText::Type(text) => Element::Fixed(text),
        };
        Ok(ContainerRule { path: rule.path.into_inner(), element })
    });
    Ok(Config {
        path: None,
        accepted_leaks: rules.collect::<Result<_, _>>()?,
        containers: containers.collect::<Result<_, _>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_have_a_pattern_a_reason_and_maybe_a_cause() {
        let rules = read(
            "# known\n[[leaks.suppress]]\npattern = \"Interner::\"\nreason = \"names are kept\"\n\n[[leaks.suppress]]\npattern = 'b\\.rs'\ncause = \"never_freed\"\nreason = \"r\"\n",
        )
        .unwrap()
        .accepted_leaks;
        assert_eq!(
            (rules[0].pattern.as_str(), rules[0].cause, rules[0].reason.as_str()),
            ("Interner::", None, "names are kept")
        );
        assert_eq!((rules[1].pattern.as_str(), rules[1].cause), ("b\\.rs", Some(Cause::NeverFreed)));
        let rules = |text: &str| read(text).unwrap().accepted_leaks.len();
        assert_eq!([rules(""), rules("[leaks]\n")], [0, 0]);
        assert_eq!(rules("[leaktest]\ngrace = \"2s\"\n"), 0, "the leak harness reads this");
    }

    #[test]
    fn collections_have_a_path_and_an_element() {
        let text = "[[types.container]]\npath = \"mine::Arena\"\nelement = 0\n\n\
            [[types.container]]\npath = \"bumpalo::Bump\"\nelement = \"chunk\"\n";
        let rule = |path: &str, element| ContainerRule { path: path.to_owned(), element };
        let expected = [
            rule("mine::Arena", Element::Argument(0)),
            rule("bumpalo::Bump", Element::Fixed("chunk".to_owned())),
        ];
        assert_eq!(read(text).unwrap().containers, expected);
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
            ("[[types.container]]\npath = \" \"\nelement = 0\n".to_owned(), 2, "`path` is empty"),
            ("[[types.container]]\npath = \"a\"\n".to_owned(), 1, "element"),
            ("[[types.container]]\npath = \"a\"\nelement = -1\n".to_owned(), 3, ""),
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
