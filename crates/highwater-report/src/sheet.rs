//! Tables for programs that draw them: the cells of the text views, one by one, and the values that can sort
//! the rows.
//!
//! A screen that is redrawn, with a chosen row and a search, needs more than lines of text. A sheet has the
//! same content as the output of `top`, `diff` and `trend`.

use highwater_analyze::{Diff, DiffRow, Frame, Omitted, RowKey, Top, Trend, Unit};

use crate::label::{Label, clean};
use crate::table::Cell;
use crate::view::{Role, View};
use crate::{diff, header, number, top, trend};

/// An answer as a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// The subject of the table, in one line.
    pub summary: String,
    /// How the values were recorded, and other limits of the table.
    pub remarks: Vec<String>,
    /// Heads of the columns; the last one is for the labels.
    pub heads: Vec<String>,
    /// The possible orders of the rows. The first is the present order; the others sort by
    /// [`SheetRow::sizes`]. Rows can be sorted by name too.
    pub orders: Vec<String>,
    /// The rows, in the answer's order.
    pub rows: Vec<SheetRow>,
    /// What is not in `rows`; empty if nothing is left out.
    pub omitted: String,
}

/// A row of a [`Sheet`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SheetRow {
    /// The numbers with their roles: one for each head but the last.
    pub cells: Vec<(String, Role)>,
    /// The values that [`Sheet::orders`] after the first sort by, in the unit of the values.
    pub sizes: Vec<i64>,
    /// Frames of the heaviest stack, leaf first.
    pub stack: Vec<String>,
    /// Index in `stack` of the frame that the row is about: the frames before it are in libraries. 0 if no
    /// frame is.
    pub cause: usize,
    label: Label,
}

impl SheetRow {
    fn new(cells: Vec<Cell>, sizes: Vec<i64>, (key, label): (&RowKey, Label), stack: &[Frame]) -> Self {
        let is_cause = |it: &Frame| {
            it.label() == key.label
                || (key.line.is_none() && key.function.is_some() && it.function == key.function)
        };
        Self {
            cells: cells.into_iter().map(Cell::into_parts).collect(),
            sizes,
            cause: stack.iter().position(is_cause).unwrap_or(0),
            stack: stack.iter().map(|it| clean(&it.label())).collect(),
            label,
        }
    }

    /// The whole label.
    pub fn name(&self) -> &str {
        self.label.whole()
    }

    /// The label in at most `width` characters, cut where the loss is smallest.
    pub fn label(&self, width: usize) -> String {
        self.label.fit(width)
    }

    /// The role of the label: [`Role::Faint`] for a change that may be noise.
    pub fn role(&self) -> Role {
        self.label.role()
    }
}

impl Sheet {
    /// The table of [`top()`](crate::top).
    pub fn top(answer: &Top) -> Self {
        let row = |row: &highwater_analyze::TopRow| {
            let sizes = vec![row.flat.value, row.cumulative.value];
            SheetRow::new(
                top::cells(row, &answer.header),
                sizes,
                (&row.key, Label::from_key(&row.key)),
                &row.stack,
            )
        };
        Self {
            summary: header::total(&answer.header),
            remarks: [header::recording(&answer.header)]
                .into_iter()
                .chain(header::notes([&answer.header]))
                .collect(),
            orders: orders([&clean(&answer.header.sample), "cum"]),
            heads: top::heads(&answer.header),
            rows: answer.rows.iter().map(row).collect(),
            omitted: omitted(&answer.omitted, &answer.header.unit),
        }
    }

    /// The table of [`diff()`](crate::diff) including changes that may be noise, in a faint colour.
    pub fn diff(answer: &Diff, view: &View) -> Self {
        let row = |row: &DiffRow| {
            let sizes = vec![row.change.value, row.new.value, row.base.value];
            SheetRow::new(diff::cells(answer, row, view), sizes, (&row.key, changed(row)), &row.stack)
        };
        Self {
            summary: diff::summary(answer),
            remarks: remarks(answer),
            heads: diff::heads(answer, view).into_iter().map(str::to_owned).collect(),
            orders: orders(["change", "new", "base"]),
            rows: answer.rows.iter().map(row).collect(),
            omitted: omitted(&answer.omitted, &answer.new.unit),
        }
    }

    /// The growth of cumulative values between two snapshots, per second. If the time in between is unknown,
    /// the table has the growth without a rate.
    pub fn rate(answer: &Diff) -> Self {
        let unit = &answer.new.unit;
        let span_ns = answer.new.time_ns.zip(answer.base.time_ns).map_or(0, |(new, base)| new - base);
        let errors = diff::has_errors(answer);
        let row = |row: &DiffRow| {
            let role = if row.significant { Role::Plain } else { Role::Faint };
            let rate = row.change.per_second(span_ns);
            let text = |it: &highwater_analyze::Estimate| number::amount(it.value, unit);
            let mut cells = vec![Cell::role(rate.as_ref().map_or_else(|| "?".to_owned(), text), role)];
            let margin = || rate.map_or_else(|| "?".to_owned(), |it| number::margin(&it, unit));
            cells.extend(errors.then(|| Cell::role(margin(), Role::Faint)));
            cells.push(Cell::role(text(&row.change), role));
            cells.push(Cell::role(text(&row.new), role));
            SheetRow::new(cells, vec![row.change.value, row.new.value], (&row.key, changed(row)), &row.stack)
        };
        let mut heads = vec!["per second"];
        heads.extend(errors.then_some("±"));
        heads.extend(["gained", "in all", "where"]);
        let gained = number::change(&answer.total_change.change, unit);
        let per_second = answer.total_change.change.per_second(span_ns);
        let per_second =
            per_second.map_or_else(String::new, |it| format!(", {} per second", number::estimate(&it, unit)));
        Self {
            summary: format!(
                "{} {gained} in {}{per_second}",
                clean(&answer.new.sample),
                number::duration(span_ns)
            ),
            remarks: remarks(answer),
            heads: heads.into_iter().map(str::to_owned).collect(),
            orders: orders(["per second", "in all"]),
            rows: answer.rows.iter().map(row).collect(),
            omitted: omitted(&answer.omitted, unit),
        }
    }

    /// The table of [`trend()`](crate::trend), without the evidence for each row's class.
    pub fn growth(answer: &Trend, view: &View) -> Self {
        let row = |row: &highwater_analyze::TrendRow| {
            let cells = trend::cells(row, &answer.header, view);
            let sizes = vec![row.growth_per_hour.value, row.live.value];
            SheetRow::new(cells, sizes, (&row.key, Label::from_key(&row.key)), &row.stack)
        };
        let mut remarks = trend::remarks(answer);
        remarks.push(header::recording(&answer.header));
        remarks.extend(header::notes([&answer.header]));
        Self {
            summary: trend::summary(answer),
            remarks,
            heads: trend::heads(&answer.header).into_iter().map(str::to_owned).collect(),
            orders: orders(["per hour", "live"]),
            rows: answer.rows.iter().map(row).collect(),
            omitted: omitted(&answer.omitted, &answer.header.unit),
        }
    }
}

/// The label of a change.
fn changed(row: &DiffRow) -> Label {
    let label = Label::from_key(&row.key);
    if row.significant { label } else { label.faint() }
}

fn orders<const N: usize>(sizes: [&str; N]) -> Vec<String> {
    ["rank"].into_iter().chain(sizes).map(str::to_owned).collect()
}

fn remarks(answer: &Diff) -> Vec<String> {
    let mut remarks: Vec<String> =
        answer.caveats.iter().map(|it| format!("note: {}", clean(&it.to_string()))).collect();
    remarks.extend(header::notes([&answer.base, &answer.new]));
    remarks.extend(diff::remarks(answer));
    remarks
}

fn omitted(omitted: &Omitted, unit: &Unit) -> String {
    if omitted.rows == 0 {
        return String::new();
    }
    let rows = number::count(omitted.rows, "more row");
    format!("{rows}, {} together", number::amount(omitted.value, unit))
}

#[cfg(test)]
mod tests {
    use highwater_analyze::{GroupBy, Query, SampleKind};
    use highwater_profile::{Line, Location, Profile, ValueType};

    use super::*;

    /// A profile at this second in which `lines` hold, and have allocated, these bytes.
    fn profile(second: i64, lines: &[i64]) -> Profile {
        let types = [("alloc_space", "bytes"), ("inuse_space", "bytes")];
        let mut profile = Profile::new(types.map(|(kind, unit)| ValueType::new(kind, unit)).to_vec());
        profile.time_ns = 1_700_000_000_000_000_000 + second * 1_000_000_000;
        profile.period_type = Some(ValueType::new("space", "bytes"));
        profile.period = 1;
        for (&bytes, line) in lines.iter().zip(1..) {
            let function = profile.add_function("demo::add", "", "src/a.rs");
            let library = "/rustc/0/library/alloc/src/raw_vec.rs";
            let grow = profile.add_function("alloc::raw_vec::finish_grow", "", library);
            let stack = [(grow, 500), (function, line)].map(|(function, line)| {
                profile.add_location(Location::symbolized(vec![Line::new(function, line)]))
            });
            profile.samples.push(&stack, &[2 * bytes, bytes], &[]);
        }
        profile
    }

    fn query(sample: SampleKind) -> Query {
        Query { sample: Some(sample), by: GroupBy::Line, ..Query::default() }
    }

    #[track_caller]
    fn same_lines(sheet: &Sheet, text: &str) {
        for row in &sheet.rows {
            let cells: Vec<&str> = row.cells.iter().map(|it| it.0.as_str()).collect();
            let words = |it: &str| it.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
            let line = words(&format!("{} {}", cells.join(" "), row.label(60)));
            assert!(text.lines().any(|it| words(it) == line), "{line} is not in\n{text}");
            assert_eq!((row.sizes.len() + 1, cells.len() + 1), (sheet.orders.len(), sheet.heads.len()));
        }
        assert!(!sheet.rows.is_empty());
    }

    #[test]
    fn a_sheet_has_the_content_of_the_text() {
        let [base, new] = [profile(1, &[1 << 20, 3000]), profile(3, &[3 << 20, 3000])];
        let answer = highwater_analyze::top(&new, &query(SampleKind::LiveBytes)).unwrap();
        let sheet = Sheet::top(&answer);
        let text = crate::top(&answer, &View::default());
        same_lines(&sheet, &text);
        assert!(text.contains(&sheet.summary) && text.contains(&sheet.remarks[0]));
        assert_eq!(
            (sheet.rows[0].stack.as_slice(), sheet.rows[0].cause),
            (
                &[
                    "library/alloc/src/raw_vec.rs:500 alloc::raw_vec::finish_grow".to_owned(),
                    "src/a.rs:1 demo::add".to_owned(),
                ][..],
                1
            )
        );

        let options = highwater_analyze::DiffOptions::default();
        let answer = highwater_analyze::diff(&base, &new, &query(SampleKind::LiveBytes), &options).unwrap();
        let view = View { noise: true, ..View::default() };
        let sheet = Sheet::diff(&answer, &view);
        let text = crate::diff(&answer, &view);
        same_lines(&sheet, &text);
        assert!(text.contains(&sheet.summary), "{text}");
        assert!(sheet.remarks.iter().all(|it| text.contains(it)), "{text}");
    }

    #[test]
    fn rates_are_growth_divided_by_time() {
        let [base, new] = [profile(1, &[1 << 20, 3000]), profile(3, &[3 << 20, 3000])];
        let options = highwater_analyze::DiffOptions::default();
        let answer = highwater_analyze::diff(&base, &new, &query(SampleKind::AllocBytes), &options);
        let sheet = Sheet::rate(&answer.unwrap());
        assert_eq!(sheet.summary, "alloc-bytes +4.0 MiB in 2.0 s, 2.0 MiB per second");
        let cells: Vec<&str> = sheet.rows[0].cells.iter().map(|it| it.0.as_str()).collect();
        assert_eq!((sheet.heads[0].as_str(), cells), ("per second", vec!["2.0 MiB", "4.0 MiB", "6.0 MiB"]));
    }

    #[test]
    fn growth_has_the_rows_of_the_trend() {
        let mut series = highwater_analyze::Series::new(query(SampleKind::LiveBytes), Default::default());
        for second in 1..9 {
            series.push(&profile(second * 60, &[second << 20, 3000])).unwrap();
        }
        let answer = series.trend(&Default::default()).unwrap();
        let sheet = Sheet::growth(&answer, &View::default());
        same_lines(&sheet, &crate::trend(&answer, &View::default()));
        assert!(sheet.summary.contains("8 snapshots in 7 min 0 s"), "{}", sheet.summary);
    }
}
