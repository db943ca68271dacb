//! The text that gperftools and Go share: a first line with totals and how sampling was done, then a line for
//! each stack.
//!
//! ```text
//! heap profile: 10040: 13000000 [20040: 14000000] @ heapprofile
//! 40: 12000000 [40: 12000000] @ 0x5643b4ae2168 0x5643b4ae21e7
//! ```

use super::native::{Native, Totals};
use super::text::{TextLine, check_memory, cut_off, lines, quoted};
use crate::format::list::Format;
use crate::limits::Limits;
use crate::location::LocationId;
use crate::profile::Profile;
use crate::read_error::ReadError;
use crate::utf8;

/// What the lines begin with in which a program says what to know of its profile, `%warn`.
const WARNING: &[u8] = b"%";

/// What the two formats do differently.
pub(super) trait Dialect {
    const FORMAT: Format;
    const PRODUCER: &'static str;
    /// The words behind the `@` of the first line that are known.
    const METHODS: &'static str;

    /// How the values of a method (`heap`) with its number (`1048576`, if there is one) are to be understood;
    /// `None` when the method is not known.
    fn sampling(method: &str, number: Option<i64>, header: &Totals) -> Option<Sampling>;

    /// Before the first row.
    fn begin(&mut self, _native: &mut Native) {}

    /// A remark below the row with this stack.
    ///
    /// # Errors
    /// When it makes no sense.
    fn remark(
        &mut self,
        _native: &mut Native,
        _stack: &[LocationId],
        _line: &TextLine<'_>,
    ) -> Result<(), ReadError> {
        Ok(())
    }

    /// No remark follows for the row with this stack.
    fn end_row(&mut self, _native: &mut Native, _stack: &[LocationId]) {}
}

/// How values are to be understood.
pub(super) struct Sampling {
    /// 1 when every block was recorded, 0 when the file does not say.
    pub interval: i64,
    /// There are values for what was allocated since the start.
    pub has_alloc: bool,
    /// Other names for the blocks and bytes of a file that has one kind of both.
    pub kinds: Option<[&'static str; 2]>,
}

/// Decodes a file of a dialect.
pub(super) fn decode<D: Dialect + Default>(bytes: &[u8], limits: &Limits) -> Result<Profile, ReadError> {
    let mut dialect = D::default();
    let mut lines = lines(D::FORMAT, bytes).skip_while(TextLine::is_blank).peekable();
    let mut warnings: Vec<String> = Vec::new();
    while let Some(line) = lines.next_if(|it| it.bytes.starts_with(WARNING)) {
        let text = utf8::text(line.bytes);
        warnings.extend(text.split_once(' ').map(|it| it.1.trim().to_owned()));
    }
    let first = lines.next().ok_or_else(|| cut_off(D::FORMAT, bytes, "the first line"))?;
    let sampling = header::<D>(&first)?;
    let mut native = Native::new(D::FORMAT, D::PRODUCER, sampling.interval, sampling.has_alloc);
    if let Some([blocks, space]) = sampling.kinds {
        native.profile.rename_kinds(&[blocks, space]);
    }
    dialect.begin(&mut native);
    let mut stack: Vec<LocationId> = Vec::new();
    while let Some(line) = lines.next() {
        let text = line.bytes.trim_ascii();
        if text.starts_with(b"#") {
            dialect.remark(&mut native, &stack, &line)?;
        } else if text == b"MAPPED_LIBRARIES:" || text == b"--- Memory map: ---" {
            lines.by_ref().try_for_each(|line| {
                native.map(&line)?;
                check_memory(limits, bytes, &native.profile)
            })?;
        } else if !text.is_empty() {
            dialect.end_row(&mut native, &stack);
            row(&mut native, &line, &mut stack)?;
        }
        check_memory(limits, bytes, &native.profile)?;
    }
    dialect.end_row(&mut native, &stack);
    let said = warnings.join(" ");
    if native.profile.samples.is_empty() && !said.is_empty() {
        return Err(ReadError::Nothing { format: D::FORMAT.title(), said });
    }
    let mut profile = native.finish();
    profile.comments.extend(Some(said).filter(|it| !it.is_empty()));
    Ok(profile)
}

fn header<D: Dialect>(line: &TextLine<'_>) -> Result<Sampling, ReadError> {
    let text = line.text()?.trim();
    let totals =
        text.strip_prefix("heap profile:").ok_or_else(|| line.wrong("`heap profile:` was expected"))?;
    let (totals, rest) = Totals::parse(line, totals)?;
    let method = rest.trim_start().strip_prefix('@').ok_or_else(|| line.wrong("`@` was expected"))?.trim();
    let (name, number) = match method.split_once('/') {
        Some((name, number)) => (name, Some(line.count("the sampling interval", number)?)),
        None => (method, None),
    };
    D::sampling(name, number, &totals).ok_or_else(|| {
        line.wrong(format!("{} is no known way of sampling; those are {}", quoted(method), D::METHODS))
    })
}

fn row(native: &mut Native, line: &TextLine<'_>, stack: &mut Vec<LocationId>) -> Result<(), ReadError> {
    let (totals, rest) = Totals::parse(line, line.text()?)?;
    let addresses = (rest.trim_start().strip_prefix('@'))
        .ok_or_else(|| line.wrong("`@` and the addresses of a stack were expected"))?;
    native.stack(line, addresses, stack)?;
    native.push(stack, &totals);
    Ok(())
}

/// The word behind the `@` of the first line, in which gperftools and Go differ; `None` where there is no
/// such line.
pub(super) fn method(text: &[u8]) -> Option<&[u8]> {
    // A program may have warnings to give first.
    let is_warning = |line: &&[u8]| line.starts_with(b"%");
    let first = text.split(|&byte| byte == b'\n').find(|line| !is_warning(line))?;
    let rest = first.trim_ascii_start().strip_prefix(b"heap profile:")?;
    Some(rest.rsplit(|&byte| byte == b'@').next().unwrap_or_default().trim_ascii())
}
