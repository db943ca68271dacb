//! Field numbers of the outermost message.

pub const SAMPLE_TYPE: u64 = 1;
pub const SAMPLE: u64 = 2;
pub const MAPPING: u64 = 3;
pub const LOCATION: u64 = 4;
pub const FUNCTION: u64 = 5;
pub const STRING_TABLE: u64 = 6;
pub const DROP_FRAMES: u64 = 7;
pub const KEEP_FRAMES: u64 = 8;
pub const TIME_NANOS: u64 = 9;
pub const DURATION_NANOS: u64 = 10;
pub const PERIOD_TYPE: u64 = 11;
pub const PERIOD: u64 = 12;
pub const COMMENT: u64 = 13;
pub const DEFAULT_SAMPLE_TYPE: u64 = 14;
pub const DOC_URL: u64 = 15;
