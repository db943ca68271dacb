//! memray's CSV (`memray transform csv`): a row for each allocation record, blocks with one stack added up.
//!
//! ```text
//! allocator,num_allocations,size,tid,thread_name,stack_trace
//! MALLOC,1,1340,1,0x1,chunk;demo.py;3|small;demo.py;5
//! ```
//!
//! Frames are `function;file;line`, leaf first. Rows are of the peak unless memray was asked for leaks or
//! temporary blocks instead, which the file does not say. memray records every block. Columns are found by
//! their names.

use std::collections::HashMap;

use super::text::{check_memory, quoted, wrong};
use crate::format::list::Format;
use crate::format::others::beginning::first_line;
use crate::limits::Limits;
use crate::location::{Line, Location, LocationId};
use crate::profile::{Profile, ValueType};
use crate::read_error::ReadError;
use crate::sample::{Label, LabelValue};
use crate::source::{Missing, Source};
use crate::string_table::StringId;

/// Decodes memray's CSV.
pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Profile, ReadError> {
    let mut reader = csv::ReaderBuilder::new().from_reader(bytes);
    let columns = Columns::find(reader.byte_headers().map_err(|it| malformed(&it))?)?;
    let mut profile =
        Profile::new(vec![ValueType::new("peak_objects", "count"), ValueType::new("peak_space", "bytes")]);
    profile.default_sample_type = Some(1);
    profile.period_type = Some(ValueType::new("space", "bytes"));
    profile.period = 1;
    profile.source = Source {
        format: Format::MemrayCsv,
        producer: Some("memray".to_owned()),
        missing: vec![Missing::Moment, Missing::LiveTotals, Missing::AllocatedTotals, Missing::Addresses],
        ..Source::default()
    };
    let mut table = Table { keys: Keys::of(&mut profile), profile, locations: HashMap::new() };
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(|it| malformed(&it))? {
        let row = Row { record: &record, line: record.position().map_or(0, csv::Position::line) };
        table.push(&row, &columns)?;
        check_memory(limits, bytes, &table.profile)?;
    }
    Ok(table.profile)
}

/// Where the columns are.
struct Columns {
    blocks: usize,
    bytes: usize,
    stack: usize,
    allocator: Option<usize>,
    thread: Option<usize>,
}

impl Columns {
    fn find(header: &csv::ByteRecord) -> Result<Self, ReadError> {
        let position = |name: &str| header.iter().position(|it| it.trim_ascii() == name.as_bytes());
        let needed = |name: &str| {
            position(name).ok_or_else(|| wrong(Format::MemrayCsv, 1, format!("there is no column `{name}`")))
        };
        Ok(Self {
            blocks: needed("num_allocations")?,
            bytes: needed("size")?,
            stack: needed("stack_trace")?,
            allocator: position("allocator"),
            thread: position("thread_name"),
        })
    }
}

/// A row, and the line on which it begins.
struct Row<'a> {
    record: &'a csv::ByteRecord,
    line: u64,
}

impl<'a> Row<'a> {
    fn wrong(&self, reason: impl Into<String>) -> ReadError {
        wrong(Format::MemrayCsv, self.line, reason)
    }

    fn text(&self, column: usize) -> Result<&'a str, ReadError> {
        let field = self.record.get(column).unwrap_or_default();
        str::from_utf8(field).map_err(|_| self.wrong(format!("field {} is not UTF-8", column + 1)))
    }

    fn count(&self, column: usize, what: &str) -> Result<i64, ReadError> {
        let text = self.text(column)?;
        let digits = Some(text).filter(|it| it.bytes().all(|byte| byte.is_ascii_digit()));
        digits
            .and_then(|it| it.parse().ok())
            .ok_or_else(|| self.wrong(format!("{what} is {}, not a whole number below 2^63", quoted(text))))
    }
}

/// Names of labels.
struct Keys {
    bytes: StringId,
    allocator: StringId,
    thread: StringId,
}

impl Keys {
    fn of(profile: &mut Profile) -> Self {
        let mut key = |name| profile.strings.intern(name);
        Self { bytes: key("bytes"), allocator: key("allocator"), thread: key("thread") }
    }
}

/// The profile in the making.
struct Table {
    profile: Profile,
    keys: Keys,
    locations: HashMap<Line, LocationId>,
}

impl Table {
    fn push(&mut self, row: &Row<'_>, columns: &Columns) -> Result<(), ReadError> {
        let blocks = row.count(columns.blocks, "the number of allocations")?;
        let bytes = row.count(columns.bytes, "the size")?;
        let mut stack = Vec::new();
        for frame in row.text(columns.stack)?.split('|').filter(|it| !it.is_empty()) {
            if stack.len() == Limits::MAX_STACK_FRAMES {
                return Err(row.wrong(format!("a stack of more than {} frames", Limits::MAX_STACK_FRAMES)));
            }
            stack.push(self.frame(row, frame)?);
        }
        let mut labels = Vec::new();
        if let Some(size) = bytes.checked_div(blocks) {
            labels.push(Label { key: self.keys.bytes, value: LabelValue::Number(size, self.keys.bytes) });
        }
        for (key, column) in [(self.keys.allocator, columns.allocator), (self.keys.thread, columns.thread)] {
            let text = column.map_or(Ok(""), |column| row.text(column))?;
            if !text.is_empty() {
                labels.push(Label { key, value: LabelValue::Text(self.profile.strings.intern(text)) });
            }
        }
        self.profile.samples.push(&stack, &[blocks, bytes], &labels);
        Ok(())
    }

    /// The location of a frame `function;file;line`. A file name may hold a semicolon, a function's does not.
    fn frame(&mut self, row: &Row<'_>, frame: &str) -> Result<LocationId, ReadError> {
        let parts =
            frame.split_once(';').and_then(|(function, place)| Some((function, place.rsplit_once(';')?)));
        let (function, (file, line)) = parts
            .ok_or_else(|| row.wrong(format!("the frame {} is not `function;file;line`", quoted(frame))))?;
        // Frames of native code may have no line.
        let line = match line {
            "" => 0,
            line => line
                .parse()
                .map_err(|_| row.wrong(format!("the line {} of a frame is no number", quoted(line))))?,
        };
        let function = self.profile.add_function(function, function, file);
        let line = Line::new(function, line);
        let new = || self.profile.add_location(Location::symbolized(vec![line]));
        Ok(*self.locations.entry(line).or_insert_with(new))
    }
}

fn malformed(error: &csv::Error) -> ReadError {
    let line = error.position().map_or(1, csv::Position::line);
    let reason = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} fields where the first line has {expected_len}; the file may be cut off")
        }
        _ => error.to_string(),
    };
    wrong(Format::MemrayCsv, line, reason)
}

/// Whether a file is one of these, by the names of its columns.
pub(super) fn detect(text: &[u8]) -> bool {
    let header = first_line(text);
    let holds = |name: &[u8]| header.split(|&byte| byte == b',').any(|it| it.trim_ascii() == name);
    holds(b"stack_trace") && holds(b"size") && holds(b"num_allocations")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "allocator,num_allocations,size,tid,thread_name,stack_trace\n";

    fn read(text: &str) -> Result<Profile, ReadError> {
        decode(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn rows_are_read() {
        let text = format!(
            "{HEAD}MALLOC,3,600,1,\"0x2 (a \"\"b\"\", c)\",<lambda>;d;e.py;3|main;d;e.py;9\nMMAP,0,0,1,,\n\
             CALLOC,1,7,1,0x1,main;d;e.py;9|native;/lib/x.so;\n"
        );
        let profile = read(&text).unwrap();
        let string = |id| profile.string(id);
        let rows: Vec<_> = profile.samples.iter().map(|it| (it.stack.len(), it.values.to_vec())).collect();
        assert_eq!(rows, [(2, vec![3, 600]), (0, vec![0, 0]), (2, vec![1, 7])]);
        let row = profile.samples.get(0);
        assert_eq!(row.number(profile.strings.find("bytes").unwrap()), Some(200));
        assert_eq!(row.text(profile.strings.find("thread").unwrap()).map(string), Some("0x2 (a \"b\", c)"));
        assert_eq!(row.text(profile.strings.find("allocator").unwrap()).map(string), Some("MALLOC"));
        let leaf = profile.location(row.stack[0]).lines[0];
        let function = profile.function(leaf.function);
        assert_eq!((string(function.name), string(function.file), leaf.line), ("<lambda>", "d;e.py", 3));
        assert_eq!(profile.locations().len(), 3);
        assert_eq!(profile.period, 1);
    }

    #[test]
    fn wrong_rows_are_named_by_line() {
        let row = |text: &str| format!("{HEAD}MALLOC,1,1,1,\"a\nb\",f;g.py;1\n{text}\n");
        let cases = [
            ("size,stack_trace\n".to_owned(), "line 1: there is no column `num_allocations`"),
            (row("MALLOC,1"), "line 4: 2 fields where the first line has 6; the file may be cut off"),
            (
                row("MALLOC,-1,1,1,,f;g.py;1"),
                "line 4: the number of allocations is `-1`, not a whole number below 2^63",
            ),
            (
                row("MALLOC,1,9223372036854775808,1,,f;g.py;1"),
                "line 4: the size is `9223372036854775808`, not a whole number below 2^63",
            ),
            (row("MALLOC,1,1,1,,f;g.py"), "line 4: the frame `f;g.py` is not `function;file;line`"),
            (row("MALLOC,1,1,1,,f;g.py;x"), "line 4: the line `x` of a frame is no number"),
        ];
        for (text, expected) in cases {
            let error = read(&text).unwrap_err().to_string();
            assert_eq!(error, format!("this memray CSV file is not valid: {expected}"));
        }
        let deep = row(&format!("MALLOC,1,1,1,,{}", vec!["f;g;1"; 70_000].join("|")));
        assert!(read(&deep).unwrap_err().to_string().contains("line 4: a stack of more than 65536 frames"));
        let latin = [row("MALLOC,1,1,1,,f;").as_bytes().trim_ascii(), b"\xff;1\n"].concat();
        assert!(
            decode(&latin, &Limits::default())
                .unwrap_err()
                .to_string()
                .contains("line 4: field 6 is not UTF-8")
        );
    }
}
