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

#[cfg(test)]
mod tests {
    use highwater_analyze::{Omitted, RowKey};

    use super::*;
    use crate::samples::{estimate, header, line_key};

    fn type_key(name: &str) -> RowKey {
        RowKey { label: name.to_owned(), type_name: Some(name.to_owned()), ..RowKey::default() }
    }

    fn part(key: RowKey, mib: i64, fraction: f64) -> TypePart {
        TypePart { key, bytes: estimate(mib << 20, 0.0), fraction }
    }

    #[test]
    fn a_type_has_what_keeps_it_and_the_lines_that_make_it() {
        let row = TypeRow {
            key: type_key("demo::Session"),
            bytes: estimate(12 << 20, 200_000.0),
            fraction: 0.75,
            blocks: Some(estimate(3, 0.0)),
            mean_block_bytes: Some(4_194_304.0),
            containers: vec![
                part(type_key("Vec<demo::Session>"), 8, 0.667),
                part(type_key("Box<demo::Session>"), 4, 0.333),
            ],
            lines: vec![part(line_key("src/main.rs", 7, "demo::serve"), 12, 1.0)],
            line_count: 3,
        };
        let types = Types { header: header(), rows: vec![row], omitted: Omitted { rows: 2, value: 4 << 20 } };
        let expected = "
live-bytes        ±      %  blocks  ±     each  type
  12.0 MiB  383 KiB  75.0%       3  0  4.0 MiB  demo::Session
2 more rows, 4.0 MiB together; --limit 0 --min-fraction 0 shows all

demo::Session
  in   66.7%  Vec<demo::Session>
       33.3%  Box<demo::Session>
  at  100.0%  src/main.rs:7 demo::serve
            and 2 more lines
";
        let text = super::types(&types, &View::default());
        assert!(text.ends_with(expected), "{text}");
    }
}
