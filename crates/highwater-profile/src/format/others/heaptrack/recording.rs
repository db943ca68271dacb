//! Replays a recording, and keeps the totals.
//!
//! The peak is the first moment at which more bytes were live than ever before or after. What every site had
//! live then is known only when the recording ends, and to copy all sites at each new height would take
//! forever. So each new height gets a number, and a site notes what it has live the first time that it
//! changes after one.

use super::line::Fields;
use super::tables::{Kind, Tables};
use super::{SIZED_STRINGS, VERSIONS};
use crate::format::list::Format;
use crate::format::others::beginning::first_line;
use crate::format::others::text::{TextLine, cut_off, lines};
use crate::limits::Limits;
use crate::profile::{Profile, ValueType};
use crate::read_error::ReadError;
use crate::sample::{Label, LabelValue};
use crate::source::{Missing, Source};

/// The columns, in the order of [`Recording::rows`]' values.
const COLUMNS: [(&str, &str); 7] = [
    ("alloc_objects", "count"),
    ("alloc_space", "bytes"),
    ("inuse_objects", "count"),
    ("inuse_space", "bytes"),
    ("peak_objects", "count"),
    ("peak_space", "bytes"),
    ("temporary_objects", "count"),
];

/// How many lines are read between two looks at the memory in use.
const LINES_BETWEEN_CHECKS: u64 = 64;

/// Reads the text of a recording.
///
/// # Errors
/// When it is none, or takes more memory than allowed.
pub(in crate::format::others) fn decode(bytes: &[u8], limits: &Limits) -> Result<Profile, ReadError> {
    let mut recording = Recording::default();
    let mut profile = Profile::new(COLUMNS.map(|(kind, unit)| ValueType::new(kind, unit)).to_vec());
    profile.default_sample_type = profile.sample_type("inuse_space");
    profile.period_type = Some(ValueType::new("space", "bytes"));
    profile.period = 1;
    profile.source = Source::of(Format::Heaptrack);
    profile.source.missing = vec![Missing::BuildIds, Missing::Time];
    for line in lines(Format::Heaptrack, bytes) {
        recording.line(line, &mut profile)?;
        if line.number.is_multiple_of(LINES_BETWEEN_CHECKS) {
            limits.check(bytes.len() as u64 + profile.heap_bytes() + recording.tables.heap_bytes())?;
        }
    }
    if !bytes.ends_with(b"\n") {
        return Err(cut_off(Format::Heaptrack, bytes, "the end of the line"));
    }
    if recording.tables.kinds.is_empty() {
        return Err(cut_off(Format::Heaptrack, bytes, "an allocation"));
    }
    recording.rows(&mut profile, |profile, tables| {
        limits.check(bytes.len() as u64 + profile.heap_bytes() + tables.heap_bytes())
    })?;
    recording.describe(&mut profile);
    Ok(profile)
}

/// What has happened so far.
#[derive(Default)]
struct Recording {
    file_version: u64,
    tables: Tables,
    /// The kind of the block that was allocated in the line before.
    last: Option<usize>,
    /// Bytes that are live.
    live_bytes: u64,
    /// Most bytes that were ever live.
    peak_bytes: u64,
    /// How often there were more than ever before.
    peaks: u64,
    milliseconds: u64,
    page_bytes: u64,
    resident_pages: u64,
    attached: bool,
    command: Option<String>,
}

impl Recording {
    fn line(&mut self, line: TextLine<'_>, profile: &mut Profile) -> Result<(), ReadError> {
        let mut fields = Fields::of(line);
        let Some(&letter) = line.bytes.first() else { return Ok(()) };
        if self.file_version == 0 && letter != b'v' {
            return Err(line.wrong("the versions are missing, which stand in the first line"));
        }
        match letter {
            b'+' => self.allocate(&mut fields)?,
            b'-' => self.free(&mut fields)?,
            b'a' => self.tables.add_kind(&mut fields)?,
            b't' => self.tables.add_stack(&mut fields)?,
            b'i' => self.tables.add_instruction(profile, &mut fields)?,
            b's' if self.file_version >= SIZED_STRINGS => self.tables.add_string(profile, fields.sized()?),
            b's' => self.tables.add_string(profile, fields.rest()),
            b'c' => self.milliseconds = fields.number("the time")?,
            b'R' => self.resident_pages = self.resident_pages.max(fields.number("the number of pages")?),
            b'I' => self.page_bytes = fields.number("the size of a page")?,
            b'X' => self.command = Some(String::from_utf8_lossy(fields.rest()).into_owned()),
            b'v' => self.versions(&mut fields, profile)?,
            b'A' => {
                // What was live before is not known, and counts for nothing.
                self.attached = true;
                self.live_bytes = 0;
                self.peak_bytes = 0;
            }
            b'S' | b'#' => {}
            b'x' | b'm' => {
                return Err(line.wrong(
                    "this is what heaptrack records before it looks up names; pass it through heaptrack_interpret",
                ));
            }
            other => {
                return Err(
                    line.wrong(format!("no line begins with `{}`", char::from(other).escape_default()))
                );
            }
        }
        Ok(())
    }

    fn versions(&mut self, fields: &mut Fields<'_>, profile: &mut Profile) -> Result<(), ReadError> {
        /// A release before 1.0.0 wrote its own version only.
        const BEFORE_FILE_VERSIONS: u64 = 0x1_02_00;
        let program = fields.number("heaptrack's version")?;
        let of_file = fields.maybe_number("the file's version")?;
        self.file_version = of_file.unwrap_or(u64::from(program == BEFORE_FILE_VERSIONS));
        if !VERSIONS.contains(&self.file_version) {
            return Err(fields.wrong(format!(
                "the file has version {}, and those from {} to {} are read",
                self.file_version,
                VERSIONS.start(),
                VERSIONS.end()
            )));
        }
        let [major, minor, patch] = [16, 8, 0].map(|shift| program >> shift & 0xff);
        profile.source.producer = Some(format!("heaptrack {major}.{minor}.{patch}"));
        Ok(())
    }

    fn allocate(&mut self, fields: &mut Fields<'_>) -> Result<(), ReadError> {
        let position = fields.position("the kind of block", 0, self.tables.kinds.len())?;
        let kind = &mut self.tables.kinds[position];
        kind.note(self.peaks);
        kind.allocated += 1;
        kind.live += 1;
        self.last = Some(position);
        let live = self.live_bytes.checked_add(kind.size).filter(|it| i64::try_from(*it).is_ok());
        self.live_bytes = live.ok_or_else(|| fields.wrong("more than 2^63 - 1 bytes are live"))?;
        if self.live_bytes > self.peak_bytes {
            self.peak_bytes = self.live_bytes;
            self.peaks += 1;
        }
        Ok(())
    }

    fn free(&mut self, fields: &mut Fields<'_>) -> Result<(), ReadError> {
        let position = fields.position("the kind of block", 0, self.tables.kinds.len())?;
        let kind = &mut self.tables.kinds[position];
        if kind.live == 0 {
            return Err(fields.wrong("more blocks of this kind are freed than were allocated"));
        }
        kind.note(self.peaks);
        kind.live -= 1;
        if self.last.take() == Some(position) {
            kind.temporary += 1;
        }
        self.live_bytes = self.live_bytes.saturating_sub(kind.size);
        Ok(())
    }

    /// Adds a row for every kind of block that was allocated.
    fn rows(
        &mut self,
        profile: &mut Profile,
        check: impl Fn(&Profile, &Tables) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let size_label = profile.strings.intern("bytes");
        let mut frames = Vec::new();
        // The first row of each stack.
        let mut first_rows = vec![None; self.tables.distinct_stacks()];
        for kind in &mut self.tables.kinds {
            kind.note(self.peaks);
        }
        for kind in self.tables.kinds.iter().filter(|it| it.allocated > 0) {
            let size = i64::try_from(kind.size).unwrap_or(i64::MAX);
            let values = [kind.allocated, kind.live, kind.at_peak].map(|it| [it, it.saturating_mul(size)]);
            let [[allocated, alloc_bytes], [live, live_bytes], [peak, peak_bytes]] = values;
            let row = [allocated, alloc_bytes, live, live_bytes, peak, peak_bytes, kind.temporary];
            let labels = [Label { key: size_label, value: LabelValue::Number(size, size_label) }];
            let first_row = kind.stack.map(|it| &mut first_rows[it as usize]);
            if let Some(Some(first_row)) = first_row {
                profile.samples.push_with_stack_of(*first_row, &row, &labels);
            } else {
                if let Some(first_row) = first_row {
                    *first_row = Some(profile.samples.len());
                }
                self.tables.frames(kind, &mut frames);
                profile.samples.push(&frames, &row, &labels);
            }
            check(profile, &self.tables)?;
        }
        Ok(())
    }

    fn describe(&self, profile: &mut Profile) {
        profile.duration_ns = i64::try_from(self.milliseconds.saturating_mul(1_000_000)).unwrap_or(i64::MAX);
        if profile.duration_ns == 0 {
            profile.source.lacks(Missing::Duration);
        }
        profile.comments.extend(self.command.iter().map(|it| format!("command: {it}")));
        let resident = self.resident_pages.saturating_mul(self.page_bytes);
        if resident > 0 {
            profile.comments.push(format!("at most {resident} bytes resident, heaptrack's own included"));
        }
        if self.attached {
            profile.comments.push("attached to a process that was running".to_owned());
        }
    }
}

impl Kind {
    /// Notes what is live if nothing has changed since the last peak. To be called before a change.
    fn note(&mut self, peaks: u64) {
        if self.peak != peaks {
            self.at_peak = self.live;
            self.peak = peaks;
        }
    }
}

/// Whether a file is one of these, by its first line: it has heaptrack's version and the version of the file,
/// in hexadecimal.
pub(in crate::format::others) fn detect(text: &[u8]) -> bool {
    let versions = first_line(text).strip_prefix(b"v ");
    versions.is_some_and(|it| it.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b' '))
}
