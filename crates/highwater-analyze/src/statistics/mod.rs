//! The statistics that findings rest on, each in a few lines and each compared with an independent computation.
//!
//! These functions know nothing of profiles. What they are used for is in `docs/ACCURACY.md`; the values they are compared
//! with are in `tests/statistics`, beside the script that makes them with `scipy`.

pub(crate) mod binomial;
pub(crate) mod change_test;
pub(crate) mod estimate;
pub(crate) mod false_discovery;
pub(crate) mod gamma;
pub(crate) mod interval;
pub(crate) mod normal;
pub(crate) mod polygamma;
pub(crate) mod sampling;
pub(crate) mod student;
pub(crate) mod sum;

pub use binomial::at_most;
pub use false_discovery::q_values;
pub use gamma::quantile as gamma_quantile;
pub use normal::{beyond, quantile as normal_quantile, two_sided};
pub use polygamma::{digamma, trigamma, trigamma_inverse};
pub use student::{quantile_of_both as t_quantile, two_sided as t_two_sided};

#[cfg(test)]
mod tests;
