//! The types that changed between two profiles, as a table.

use std::fmt::Write as _;

use highwater_analyze::{Diff, DiffRow, TypeChange, TypePart, TypesDiff, Unit};

use crate::diff;
use crate::label::{self, Label};
use crate::number;
use crate::table::{Cell, Table};
use crate::types::more_lines;
use crate::view::{Role, View};

/// The comparison as text: the evidence as in [`diff()`](crate::diff()), the change of the number of
/// blocks, and for each type what keeps it and which lines make it, with the change of each.
pub fn types_diff(answer: &TypesDiff, view: &View) -> String {
    let TypesDiff { diff, types } = answer;
    let mut text = diff::headings(diff, view);
    let rows: Vec<(&DiffRow, &TypeChange)> =
        diff.rows.iter().zip(types).filter(|(row, _)| row.significant || view.noise).collect();
    if rows.is_empty() {
        return text + &diff::nothing(diff) + &diff::footer(diff, view);
    }
    text.push('\n');
    text += &table(diff, &rows, view).render(view);
    text += &diff::footer(diff, view);
    for (row, change) in rows {
        let _ = writeln!(text, "\n{}", label::clean(&row.key.label));
        // What keeps a type by itself says nothing beside it.
        let kept = change.containers.iter().filter(|part| part.key.label != row.key.label);
        parts(&mut text, "in", kept, (&diff.new.unit, view));
        parts(&mut text, "at", change.lines.iter(), (&diff.new.unit, view));
        text += &more_lines(change.line_count, change.lines.len());
    }
    text
}

fn table(diff: &Diff, rows: &[(&DiffRow, &TypeChange)], view: &View) -> Table {
    let has_blocks = rows.iter().any(|(_, change)| change.blocks.is_some());
    // As in a comparison of code, a narrow screen does not fit all.
    let has_errors = has_blocks && diff::has_errors(diff) && view.width >= diff::WIDE;
    let mut heads = diff::heads(diff, view);
    // The last is the label's.
    heads.pop();
    heads.extend(has_blocks.then_some("blocks"));
    heads.extend(has_errors.then_some("±"));
    heads.push("type");
    let mut table = Table::new(heads);
    for (row, change) in rows {
        let mut cells = diff::cells(diff, row, view);
        let blocks = change.blocks.map(|blocks| number::signed(blocks.value, &Unit::Count));
        cells.extend(has_blocks.then(|| Cell::new(blocks.unwrap_or_default())));
        let margin = change.blocks.map(|blocks| number::margin(&blocks, &Unit::Count));
        cells.extend(has_errors.then(|| Cell::role(margin.unwrap_or_default(), Role::Faint)));
        let label = Label::from_key(&row.key);
        table.push(cells, if row.significant { label } else { label.faint() });
    }
    table
}

fn parts<'a>(
    text: &mut String,
    word: &str,
    parts: impl Iterator<Item = &'a TypePart>,
    (unit, view): (&Unit, &View),
) {
    for (at, part) in parts.enumerate() {
        let word = if at == 0 { word } else { "" };
        let change = number::signed(part.bytes.value, unit);
        let label = Label::from_key(&part.key).fit(view.width.saturating_sub(18));
        let _ = writeln!(text, "  {word:<2}  {change:>10}  {label}");
    }
}
