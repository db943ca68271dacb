//! Facts about the recorded process that pprof has no field for.
//!
//! They travel as numeric labels, all prefixed `highwater::`, of one row without frames and with all values
//! 0: other tools show the file as it is and count nothing twice. (pprof's comments are for people only.)

macro_rules! facts {
    ($($(#[$doc:meta])* $field:ident: $unit:literal,)*) => {
        /// What Highwater's recorder says about the process and itself.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Meta {
            $($(#[$doc])* pub $field: Option<i64>,)*
        }

        impl Meta {
            /// All facts that are known: name, value, unit (pprof's unit names; empty for a plain number).
            pub fn facts(&self) -> impl Iterator<Item = (&'static str, i64, &'static str)> + use<> {
                [$((stringify!($field), self.$field, $unit)),*]
                    .into_iter()
                    .filter_map(|(name, value, unit)| Some((name, value?, unit)))
            }

            /// Sets the fact called `name`; facts of later versions are passed over.
            pub(crate) fn set(&mut self, name: &str, value: i64) {
                match name {
                    $(stringify!($field) => self.$field = Some(value),)*
                    _ => {}
                }
            }
        }
    };
}

facts! {
    /// Version of Highwater's labels in the file: [`Meta::FORMAT`] when written by this crate.
    format: "",
    /// Identity of the process: equal in two profiles exactly when the same process made them.
    process: "",
    /// Number of this snapshot in its process, counted from 1.
    epoch: "",
    /// 1 when every block was to be recorded since the start, 0 when blocks were sampled. Those that could
    /// not be recorded all the same are [`Self::dropped_blocks`].
    exact: "",
    /// Blocks allocated since the process started; exact even when sampling.
    alloc_blocks: "",
    /// Bytes allocated since the process started; exact even when sampling.
    alloc_bytes: "bytes",
    /// Blocks freed since the process started; exact even when sampling.
    freed_blocks: "",
    /// Bytes freed since the process started; exact even when sampling.
    freed_bytes: "bytes",
    /// Highest number of live bytes seen.
    peak_bytes: "bytes",
    /// The recorder's own memory, which no other number includes.
    overhead_bytes: "bytes",
    /// Resident set of the process.
    rss_bytes: "bytes",
    /// The kernel's counter of the resident set before the ledger of it was read.
    rss_before_bytes: "bytes",
    /// The same counter after that.
    rss_after_bytes: "bytes",
    /// Resident bytes in huge pages, when the ledger was read.
    rss_huge_bytes: "bytes",
    /// Time for which the process was copied to read the ledger.
    rss_pause_ns: "nanoseconds",
    /// Memory that the kernel charges to the process's cgroup.
    cgroup_used_bytes: "bytes",
    /// Limit of the cgroup; absent when there is none.
    cgroup_limit_bytes: "bytes",
    /// Samples recorded since the process started.
    samples: "",
    /// Samples lost, because the recorder's memory was used up or a signal handler allocated inside of it.
    dropped_samples: "",
    /// Allocated blocks that the lost samples stood for; exact in exact mode.
    dropped_blocks: "",
    /// Allocated bytes that the lost samples stood for; exact in exact mode.
    dropped_bytes: "bytes",
    /// Samples whose stack was deeper than the recorder keeps.
    truncated_stacks: "",
    /// Stacks walked by the system's unwinder, because one of their frames has no simple unwind rule; all
    /// others were walked by cached rules.
    system_walks: "",
    /// Mapped files most of whose call sites are walked by frame pointers.
    frame_pointer_mappings: "",
    /// Mapped files most of whose call sites are walked by other rules from their unwind tables.
    table_mappings: "",
    /// Call sites walked by frame pointers, in all files.
    frame_pointer_calls: "",
    /// Call sites walked by other rules, in all files.
    table_calls: "",
}

impl Meta {
    /// The version of the labels that this crate writes, and the highest that it reads.
    pub const FORMAT: i64 = 1;

    /// What every name of these labels begins with in a file.
    pub const PREFIX: &'static str = "highwater::";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_set_and_listed_by_name() {
        let mut meta = Meta::default();
        meta.set("peak_bytes", 7);
        meta.set("a_fact_of_a_later_version", 8);
        assert_eq!(meta.facts().collect::<Vec<_>>(), [("peak_bytes", 7, "bytes")]);
    }
}
