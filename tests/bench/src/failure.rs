//! Why a program of the benchmark printed no result.

/// Why a program of the benchmark printed no result.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line is invalid.
    #[error("{0}\nusage: <program> <workload> (--millis <n> | --operations <n>) [--sources <directory>]")]
    Usage(String),
    /// The sources to parse are missing, or the loopback network is not available.
    #[error("{what}: {source}")]
    Io {
        /// The action that failed.
        what: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// The workload's own input is invalid.
    #[error("the workload's input cannot be parsed: {0}")]
    Input(String),
}
