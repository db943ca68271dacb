//! The layouts of types, with what they cost the blocks that are alive.

use std::fmt::Write as _;

use highwater_analyze::{Boxed, Field, Layout, LayoutRow, Unit, VariantRow};

use crate::header;
use crate::label::{self, Label};
use crate::number;
use crate::table::{Cell, Table};
use crate::view::{Role, View};

/// Variants and fields that are named for each type.
const NAMED: usize = 4;

/// The layouts as text: a row for each type, and below the table what is large in each type and what a box
/// would save.
pub fn layout(layout: &Layout, view: &View) -> String {
    let header = &layout.header;
    let mut text = header::lines(header, view);
    if layout.rows.is_empty() && layout.omitted.rows == 0 {
        return text + &header::nothing(header);
    }
    let errors = header::has_errors(header);
    let mut heads = vec![label::clean(&header.sample)];
    heads.extend(errors.then(|| "±".to_owned()));
    heads.extend(["values", "size", "align", "padding", "type"].map(str::to_owned));
    let mut table = Table::new(heads);
    for row in &layout.rows {
        table.push(cells(row, layout, errors), Label::from_key(&row.key));
    }
    text.push('\n');
    text.push_str(&table.render(view));
    text += &header::omitted(&layout.omitted, &header.unit, "row", view);
    if layout.unknown.rows > 0 {
        let unknown = number::amount(layout.unknown.value, &header.unit);
        let rows = number::count(layout.unknown.rows, "type");
        let _ = writeln!(text, "{unknown} of {rows} without a known layout");
    }
    for row in &layout.rows {
        text += &about(row);
    }
    text
}

fn cells(row: &LayoutRow, layout: &Layout, errors: bool) -> Vec<Cell> {
    let header = &layout.header;
    let mut cells = vec![Cell::new(header::amount(row.bytes.value, header))];
    cells.extend(errors.then(|| Cell::role(number::margin(&row.bytes, &header.unit), Role::Faint)));
    cells.push(Cell::new(number::amount(row.values.value, &Unit::Count)));
    cells.push(Cell::new(bytes(row.size)));
    cells.push(Cell::new(row.alignment.map_or_else(String::new, |it| it.to_string())));
    cells.push(Cell::new(row.padding.map_or_else(String::new, bytes)));
    cells
}

/// What is large in a type; nothing for a type with one part.
fn about(row: &LayoutRow) -> String {
    let name = label::clean(&row.key.label);
    let mut text = String::new();
    if let Some(boxed) = &row.boxed {
        let inside = if boxed.type_name == row.key.label { String::new() } else { format!("in {name}: ") };
        let _ = write!(text, "\n{inside}{}", box_it(boxed));
    }
    if row.is_future {
        let _ = writeln!(text, "\n{name} is {}; it keeps over its awaits", bytes(row.size));
        for state in row.variants.iter().take(NAMED) {
            text += &waits(state);
        }
        text += &more(row.variants.len(), "await");
    } else if row.variants.len() > 1 {
        let _ = writeln!(text, "\n{name} is {}; its variants need", bytes(row.size));
        for variant in row.variants.iter().take(NAMED) {
            let _ = writeln!(text, "  {:>9}  {}", bytes(variant.bytes), label::clean(&variant.name));
        }
        text += &more(row.variants.len(), "variant");
    } else if row.padding.is_some_and(|padding| padding > 0) {
        let padding = bytes(row.padding.unwrap_or(0));
        let total = row.values.scaled(row.padding.unwrap_or(0) as f64);
        let total = number::estimate(&total, &Unit::Bytes);
        let _ = writeln!(
            text,
            "\n{name} is {}, of which {padding} are padding: {total} in all values",
            bytes(row.size)
        );
        for field in row.fields.iter().take(2 * NAMED) {
            let _ = writeln!(text, "  at {:>6}  {}", field.offset, field_text(field));
        }
    }
    text
}

fn box_it(boxed: &Boxed) -> String {
    let Boxed { size, variant_bytes, next_bytes, size_then, .. } = *boxed;
    format!(
        "{} is {} because of one variant, {}, of {}; the next one has {}. With a Box around what {} has it would be {}: up to {} \
         would be saved\n",
        label::clean(&boxed.type_name),
        bytes(size),
        label::clean(&boxed.variant),
        bytes(variant_bytes),
        bytes(next_bytes),
        label::clean(&boxed.variant),
        bytes(size_then),
        number::estimate(&boxed.saves_up_to, &Unit::Bytes),
    )
}

fn waits(state: &VariantRow) -> String {
    let at = state.line.map_or_else(|| state.name.clone(), |line| format!("line {line}"));
    let fields: Vec<String> = state.fields.iter().take(NAMED).map(kept).collect();
    let rest = state.fields.len().saturating_sub(fields.len());
    let rest = if rest > 0 { format!(", and {}", number::count(rest, "smaller one")) } else { String::new() };
    format!("  {:>9}  at {}: {}{rest}\n", bytes(state.bytes), label::clean(&at), fields.join(", "))
}

fn kept(field: &Field) -> String {
    // What is waited for is a future by itself.
    match field.name.as_str() {
        "__awaitee" => format!("{} of {}", bytes(field.size), label::clean(&field.type_name)),
        name => format!("{} {}", bytes(field.size), label::clean(name)),
    }
}

fn field_text(field: &Field) -> String {
    format!("{}: {}, {}", label::clean(&field.name), label::clean(&field.type_name), bytes(field.size))
}

fn more(all: usize, noun: &str) -> String {
    match all.saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(
            "             and {more} more {}\n",
            if more == 1 { noun.to_owned() } else { format!("{noun}s") }
        ),
    }
}

fn bytes(bytes: u64) -> String {
    number::amount(i64::try_from(bytes).unwrap_or(i64::MAX), &Unit::Bytes)
}

#[cfg(test)]
mod tests {
    use highwater_analyze::{Omitted, RowKey};

    use super::*;
    use crate::samples::{estimate, header};

    fn field(name: &str, offset: u64, size: u64, type_name: &str) -> Field {
        Field { name: name.to_owned(), offset, size, type_name: type_name.to_owned(), count: 1 }
    }

    fn variant(name: &str, line: Option<u64>, fields: Vec<Field>) -> VariantRow {
        let bytes = fields.iter().map(|field| field.size).sum();
        VariantRow { name: name.to_owned(), bytes, line, fields }
    }

    fn row(name: &str, size: u64) -> LayoutRow {
        LayoutRow {
            key: RowKey { label: name.to_owned(), type_name: Some(name.to_owned()), ..RowKey::default() },
            bytes: estimate(1 << 20, 0.0),
            values: estimate(1000, 0.0),
            size,
            alignment: Some(8),
            padding: None,
            fields: Vec::new(),
            variants: Vec::new(),
            is_future: false,
            boxed: None,
        }
    }

    #[test]
    fn what_is_large_in_a_type_is_said_below_the_table() {
        let boxed = Boxed {
            type_name: "demo::Event".to_owned(),
            size: 328,
            variant: "Frame".to_owned(),
            variant_bytes: 312,
            next_bytes: 16,
            size_then: 24,
            saves_up_to: estimate(41 << 20, 0.0),
        };
        let event = LayoutRow {
            variants: vec![
                variant("Frame", None, vec![field("__0", 8, 312, "u64")]),
                variant("Tick", None, vec![field("__0", 8, 16, "u128")]),
            ],
            boxed: Some(boxed),
            ..row("demo::Event", 328)
        };
        let fields = vec![field("buffer", 0, 512, "u8"), field("__awaitee", 512, 24, "demo::Read")];
        let future = LayoutRow {
            variants: vec![variant("Suspend0", Some(31), fields)],
            is_future: true,
            ..row("demo::serve::{async_fn}", 552)
        };
        let padded = LayoutRow {
            padding: Some(6),
            fields: vec![field("small", 0, 2, "u16"), field("large", 8, 8, "u64")],
            ..row("demo::Padded", 16)
        };
        let layout = Layout {
            header: header(),
            rows: vec![event, future, padded],
            unknown: Omitted { rows: 2, value: 1 << 10 },
            omitted: Omitted::default(),
        };
        let expected = "
live-bytes    ±  values   size  align  padding  type
   1.0 MiB  0 B   1,000  328 B      8           demo::Event
   1.0 MiB  0 B   1,000  552 B      8           demo::serve::{async_fn}
   1.0 MiB  0 B   1,000   16 B      8      6 B  demo::Padded
1.0 KiB of 2 types without a known layout

demo::Event is 328 B because of one variant, Frame, of 312 B; the next one has 16 B. With a Box around what Frame has it would be 24 B: up to 41.0 MiB would be saved

demo::Event is 328 B; its variants need
      312 B  Frame
       16 B  Tick

demo::serve::{async_fn} is 552 B; it keeps over its awaits
      536 B  at line 31: 512 B buffer, 24 B of demo::Read

demo::Padded is 16 B, of which 6 B are padding: 5.9 KiB in all values
  at      0  small: u16, 2 B
  at      8  large: u64, 8 B
";
        let text = super::layout(&layout, &View::default());
        assert!(text.ends_with(expected), "{text}");
    }
}
