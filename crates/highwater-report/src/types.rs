//! The types that hold most, as a table.

use std::fmt::Write as _;

use highwater_analyze::{TypePart, TypeRow, Types};

use crate::header;
use crate::label::Label;
use crate::number;
use crate::table::{Cell, Table};
use crate::view::{Role, View};

/// The types as text: what the table is about, a row for each type with what keeps it and where it is made,
/// and what is left out.
pub fn types(types: &Types, view: &View) -> String {
    let header = &types.header;
    let mut text = header::lines(header, view);
    if types.rows.is_empty() && types.omitted.rows == 0 {
        return text + &header::nothing(header);
    }
    let errors = header::has_errors(header);
    let counts_blocks = types.rows.iter().any(|row| row.blocks.is_some());
    let mut heads = vec![crate::label::clean(&header.sample)];
    heads.extend(errors.then(|| "±".to_owned()));
    heads.push("%".to_owned());
    if counts_blocks {
        heads.push("blocks".to_owned());
        heads.extend(errors.then(|| "±".to_owned()));
        heads.push("each".to_owned());
    }
    heads.push("type".to_owned());
    let mut table = Table::new(heads);
    for row in &types.rows {
        table.push(cells(row, types, (errors, counts_blocks)), Label::from_key(&row.key));
    }
    text.push('\n');
    text.push_str(&table.render(view));
    text += &header::omitted(&types.omitted, &header.unit, "row", view);
    for row in &types.rows {
        let _ = write!(text, "\n{}\n", crate::label::clean(&row.key.label));
        // What keeps a type by itself says nothing beside it.
        let kept = row.containers.iter().filter(|part| part.key.label != row.key.label);
        parts(&mut text, "in", kept, view);
        parts(&mut text, "at", row.lines.iter(), view);
        text += &more_lines(row.line_count, row.lines.len());
    }
    text
}

/// A line that says how many lines are not named.
pub(crate) fn more_lines(all: usize, named: usize) -> String {
    match all.saturating_sub(named) {
        0 => String::new(),
        1 => "            and 1 more line\n".to_owned(),
        more => format!("            and {more} more lines\n"),
    }
}

fn cells(row: &TypeRow, types: &Types, (errors, counts_blocks): (bool, bool)) -> Vec<Cell> {
    let header = &types.header;
    let mut cells = vec![Cell::new(header::amount(row.bytes.value, header))];
    cells.extend(errors.then(|| Cell::role(number::margin(&row.bytes, &header.unit), Role::Faint)));
    cells.push(Cell::new(number::percent(row.fraction)));
    if counts_blocks {
        let unit = highwater_analyze::Unit::Count;
        let blocks = row.blocks.unwrap_or_default();
        cells.push(Cell::new(number::amount(blocks.value, &unit)));
        cells.extend(errors.then(|| Cell::role(number::margin(&blocks, &unit), Role::Faint)));
        let each = row.mean_block_bytes.map(|mean| number::amount(mean.round() as i64, &header.unit));
        cells.push(Cell::new(each.unwrap_or_default()));
    }
    cells
}

fn parts<'a>(text: &mut String, word: &str, parts: impl Iterator<Item = &'a TypePart>, view: &View) {
    for (at, part) in parts.enumerate() {
        let word = if at == 0 { word } else { "" };
        let label = Label::from_key(&part.key).fit(view.width.saturating_sub(14));
        let _ = writeln!(text, "  {word:<2}  {:>6}  {label}", number::percent(part.fraction));
    }
}
