//! `--by` and `--type`: where types are asked for, the project's own collections belong to the question.

use highwater_analyze::{ContainerRule, GroupBy};
use regex::Regex;

use crate::config::Config;
use crate::parse;

/// What a row stands for, and, where it is a type, what the project says of its collections.
#[derive(Clone, Debug)]
pub(crate) struct Grouping {
    pub(crate) by: GroupBy,
    pub(crate) containers: Vec<ContainerRule>,
}

/// An expression that types have to match, and what the project says of its collections.
#[derive(Clone, Debug)]
pub(crate) struct TypeFilter {
    pub(crate) expression: Regex,
    pub(crate) containers: Vec<ContainerRule>,
}

impl Grouping {
    /// The grouping with this name.
    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        let by: GroupBy = name.parse().map_err(|error: highwater_analyze::AnalyzeError| error.to_string())?;
        let containers = match by {
            GroupBy::Type | GroupBy::Container => containers()?,
            _ => Vec::new(),
        };
        Ok(Self { by, containers })
    }
}

impl TypeFilter {
    /// The filter with this expression.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Ok(Self { expression: parse::regex(text)?, containers: containers()? })
    }
}

fn containers() -> Result<Vec<ContainerRule>, String> {
    Config::load(None).map(|config| config.containers).map_err(|error| error.to_string())
}
