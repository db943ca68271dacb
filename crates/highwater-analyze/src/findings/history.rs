//! What is known of the time before the last snapshot.

use std::collections::HashMap;

use crate::series::trend::classify::Class;
use crate::series::trend::{Trend, TrendRow};

/// What is known of the time before the last snapshot.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// What became of every row, asked without limits.
    pub trend: Option<Trend>,
    /// Number and time (in nanoseconds since 1970-01-01 UTC) of the process's snapshots, as far as there are files.
    pub snapshots: Vec<(i64, i64)>,
}

impl History {
    /// The rows of a long enough series that leak, by their names.
    pub(super) fn leaking_rows(&self) -> HashMap<&str, &TrendRow> {
        let trend = self.trend.iter().filter(|it| !it.few_snapshots);
        let leaking = trend.flat_map(|it| &it.rows).filter(|it| it.class() == Class::Leak);
        leaking.map(|it| (it.key.label.as_str(), it)).collect()
    }
}
