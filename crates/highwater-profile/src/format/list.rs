//! The formats, one row each.
//!
//! To add one, write its file below `others` and its row here: the name that options have for it, what it is
//! for people, the names of its files, and the functions that know, read and write it. `docs/FORMATS.md` has
//! a row for it as well, as `cargo xtask tidy` checks.
//!
//! The rows are a macro because two files need them: this one for [`Format`], which every reader uses to say
//! what it reads, and [`others`](super::others) for the functions, which use the readers.

use std::fmt;
use std::str::FromStr;

/// Hands the rows to another macro.
///
/// - `files`: ends of file names, longer ones before shorter ones where one ends with the other, or
///   beginnings with a `*` behind them. A file of such a name is written in this format.
/// - `read`: what its content is (see `others::Content`), how sure one can be of it (`Sure`, or `Vague` for a
///   format that is asked last), the function that knows it, and the one that reads it.
/// - `write`: the function that writes it.
macro_rules! each_format {
    ($then:ident) => {
        $then! {
            /// pprof's protocol buffer: the native format.
            #[default]
            Pprof {
                name: "pprof", title: "pprof profile", files: [".pb.gz", ".pb", ".pprof"],
                read: [Binary, Vague, pprof::detect, pprof::decode], write: [pprof::encode],
            }
            /// JSON of valgrind's DHAT and of the crate `dhat`, version 2.
            Dhat {
                name: "dhat", title: "DHAT profile", files: [".dhat.json", ".dhat", "dhat.out*"],
                read: [Json, Sure, dhat::detect, dhat::decode], write: [dhat::encode],
            }
            /// jemalloc's heap dump, `heap_v2`.
            Jemalloc {
                name: "jemalloc", title: "jemalloc heap dump", files: [],
                read: [Text, Sure, jemalloc::detect, jemalloc::decode], write: [],
            }
            /// Heap profile of gperftools (tcmalloc).
            Gperftools {
                name: "gperftools", title: "gperftools heap profile", files: [],
                read: [Text, Sure, gperftools::detect, gperftools::decode], write: [],
            }
            /// Go's heap profile as text (`debug=1`).
            GoText {
                name: "go", title: "Go heap profile", files: [],
                read: [Text, Sure, go_text::detect, go_text::decode], write: [],
            }
            /// heaptrack's recording.
            Heaptrack {
                name: "heaptrack", title: "heaptrack recording", files: [],
                read: [Text, Sure, heaptrack::detect, heaptrack::decode], write: [],
            }
            /// CSV of `memray transform csv`.
            MemrayCsv {
                name: "memray", title: "memray CSV file", files: [],
                read: [Text, Sure, memray::detect, memray::decode], write: [],
            }
            /// Folded stacks, as flame graphs are drawn from.
            Folded {
                name: "folded", title: "folded stacks file", files: [".folded", ".collapsed"],
                read: [Text, Vague, folded::detect, folded::decode], write: [folded::encode],
            }
            /// speedscope's JSON.
            Speedscope {
                name: "speedscope", title: "speedscope profile", files: [".speedscope.json", ".speedscope"],
                read: [Json, Vague, speedscope::detect, speedscope::decode], write: [speedscope::encode],
            }
            /// V8's sampled heap profile (`.heapprofile`).
            V8 {
                name: "v8", title: "V8 heap profile", files: [],
                read: [Json, Sure, v8::detect, v8::decode], write: [],
            }
            /// OpenTelemetry's profiles signal.
            Otlp {
                name: "otlp", title: "OpenTelemetry profile", files: [],
                read: [Binary, Sure, otlp_decode::detect, otlp_decode::decode], write: [],
            }
            /// massif's output (valgrind).
            Massif {
                name: "massif", title: "massif output file", files: [],
                read: [Text, Sure, massif::detect, massif::decode], write: [],
            }
            /// memcheck's leak report (valgrind).
            Memcheck {
                name: "memcheck", title: "memcheck leak report", files: [],
                read: [Text, Sure, memcheck::detect, memcheck::decode], write: [],
            }
            /// LeakSanitizer's report.
            LeakSanitizer {
                name: "lsan", title: "LeakSanitizer report", files: [],
                read: [Text, Sure, lsan::detect, lsan::decode], write: [],
            }
            /// callgrind's output, for KCachegrind. Written only.
            Callgrind {
                name: "callgrind", title: "callgrind file", files: [".callgrind", "callgrind.out*"],
                read: [], write: [callgrind::encode],
            }
            /// The whole profile as JSON. Written only.
            Json {
                name: "json", title: "JSON file", files: [".json"],
                read: [], write: [document::encode],
            }
            /// One row for each sample, as CSV. Written only.
            Csv {
                name: "csv", title: "CSV file", files: [".csv"],
                read: [], write: [csv::encode],
            }
        }
    };
}

#[cfg(feature = "formats")]
pub(super) use each_format;

/// What a row says besides its functions.
struct Row {
    name: &'static str,
    title: &'static str,
    files: &'static [&'static str],
    can_read: bool,
    can_write: bool,
}

macro_rules! is_some {
    ([]) => {
        false
    };
    ([$($function:tt)+]) => {
        true
    };
}

macro_rules! define {
    ($($(#[$doc:meta])* $format:ident {
        name: $name:literal, title: $title:literal, files: [$($file:literal),*], read: $read:tt, write: $write:tt,
    })*) => {
        /// A file format.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Format {
            $($(#[$doc])* $format,)*
        }

        impl Format {
            /// Every format.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$format),*];

            const fn row(self) -> &'static Row {
                match self {
                    $(Self::$format => &Row {
                        name: $name,
                        title: $title,
                        files: &[$($file),*],
                        can_read: is_some!($read),
                        can_write: is_some!($write),
                    },)*
                }
            }
        }
    };
}

each_format!(define);

impl Format {
    /// One word for it, as options have it: `pprof`.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// What it is, for people: `pprof profile`.
    pub const fn title(self) -> &'static str {
        self.row().title
    }

    /// Whether files of this format can be read.
    pub const fn can_read(self) -> bool {
        self.row().can_read
    }

    /// Whether files of this format can be written.
    pub const fn can_write(self) -> bool {
        self.row().can_write
    }

    /// The names that files of this format have: ends, or beginnings with a `*` behind them. None of a format
    /// that no file is written in.
    pub const fn file_names(self) -> &'static [&'static str] {
        self.row().files
    }

    /// The format that a file's name stands for. Beginnings of names are asked first, and of several ends the
    /// longest counts: `.dhat.json` before `.json`.
    pub fn of_file_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let patterns =
            || Self::ALL.into_iter().flat_map(|it| it.file_names().iter().map(move |file| (it, *file)));
        let begins = |file: &str| file.strip_suffix('*').is_some_and(|it| name.starts_with(it));
        let by_beginning = patterns().find(|(_, file)| begins(file));
        let by_end =
            || patterns().filter(|(_, file)| name.ends_with(file)).max_by_key(|(_, file)| file.len());
        by_beginning.or_else(by_end).map(|it| it.0)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormatName;

    fn from_str(name: &str) -> Result<Self, UnknownFormatName> {
        Self::ALL.into_iter().find(|it| it.name() == name).ok_or(UnknownFormatName)
    }
}

/// No format has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the format is one of {}", Format::ALL.map(Format::name).join(", "))]
pub struct UnknownFormatName;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_found_by_its_name() {
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
            assert!(format.can_read() || format.can_write(), "{format}");
            assert!(format.can_write() || format.file_names().is_empty(), "{format} has names of files");
        }
        let error = "Pprof".parse::<Format>().unwrap_err();
        assert!(error.to_string().starts_with("the format is one of pprof, dhat, "), "{error}");
    }

    #[test]
    fn names_of_files_stand_for_formats() {
        let cases = [
            ("heap.pb.gz", Some(Format::Pprof)),
            ("HEAP.PB.GZ", Some(Format::Pprof)),
            ("stacks.folded", Some(Format::Folded)),
            ("heap.speedscope.json", Some(Format::Speedscope)),
            ("heap.dhat.json", Some(Format::Dhat)),
            ("dhat.out.4711", Some(Format::Dhat)),
            ("callgrind.out.4711", Some(Format::Callgrind)),
            ("callgrind.out.json", Some(Format::Callgrind)),
            ("heap.json", Some(Format::Json)),
            ("heap.csv", Some(Format::Csv)),
            ("my.dhat.out", None),
            ("heap", None),
            ("heap.txt", None),
        ];
        for (name, expected) in cases {
            assert_eq!(Format::of_file_name(name), expected, "{name}");
        }
    }
}
