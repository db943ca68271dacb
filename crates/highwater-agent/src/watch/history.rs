//! The readings of the last minutes.

use std::collections::VecDeque;
use std::io::{self, Write};

use highwater::LimitKind;

/// A reading of memory at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Milliseconds since 1970-01-01 UTC.
    pub time_ms: u128,
    /// Bytes that count against the nearest limit; `None` if they could not be read.
    pub used_bytes: Option<u64>,
    /// The nearest limit, in bytes.
    pub limit_bytes: Option<u64>,
    /// The kind of the nearest limit.
    pub limit_kind: Option<LimitKind>,
    /// Bytes that the service uses itself.
    pub own_bytes: Option<u64>,
    pub rss_bytes: Option<u64>,
    pub live_bytes: u64,
}

/// A bounded number of readings. All memory is allocated when it is made.
#[derive(Debug)]
pub(crate) struct History {
    readings: VecDeque<Reading>,
    most: usize,
}

impl History {
    pub(crate) fn new(most: usize) -> Self {
        Self { readings: VecDeque::with_capacity(most), most }
    }

    pub(crate) fn push(&mut self, reading: Reading) {
        if self.readings.len() == self.most {
            self.readings.pop_front();
        }
        self.readings.push_back(reading);
    }

    /// Writes the readings as CSV, one line each, oldest first. Missing values are empty.
    ///
    /// # Errors
    /// Errors of `out`.
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "time_ms,used_bytes,limit_bytes,rss_bytes,live_bytes,own_bytes,limit_kind")?;
        let shown = |value: Option<u64>| value.map(|it| it.to_string()).unwrap_or_default();
        for it in &self.readings {
            let (used, limit, rss) = (shown(it.used_bytes), shown(it.limit_bytes), shown(it.rss_bytes));
            let (own, kind) = (shown(it.own_bytes), it.limit_kind.map_or("", LimitKind::word));
            writeln!(out, "{},{used},{limit},{rss},{},{own},{kind}", it.time_ms, it.live_bytes)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_readings_stay() {
        let mut history = History::new(2);
        for time_ms in 1..=3 {
            let used_bytes = (time_ms != 2).then_some(7);
            let reading = Reading {
                time_ms,
                used_bytes,
                limit_bytes: None,
                limit_kind: Some(LimitKind::Machine),
                own_bytes: Some(8),
                rss_bytes: Some(1),
                live_bytes: 5,
            };
            history.push(reading);
        }
        let mut text = Vec::new();
        history.write(&mut text).unwrap();
        let expected = "time_ms,used_bytes,limit_bytes,rss_bytes,live_bytes,own_bytes,limit_kind\n2,,,1,5,8,machine\n3,7,,1,5,8,machine\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
