//! How two profiles are compared.

use serde::Serialize;

/// What the shares of a diff are shares of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DiffMode {
    /// Of all changes, growth and shrinkage added up without their signs: pprof's `-base`.
    #[default]
    Base,
    /// Of the base profile: pprof's `-diff_base`.
    DiffBase,
}

/// How two profiles are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DiffOptions {
    /// Compare profiles even when they count in different units. Default no.
    pub force: bool,
    /// What shares are shares of. Default [`DiffMode::Base`].
    pub mode: DiffMode,
    /// The false discovery rate: of the rows called significant, the share that may be so by chance, in the mean.
    /// Default 0.05.
    pub fdr: f64,
}

impl Default for DiffOptions {
    fn default() -> Self {
        Self { force: false, mode: DiffMode::default(), fdr: 0.05 }
    }
}
