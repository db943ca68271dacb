//! A ranking as a table.

use highwater_analyze::{Header, Top, TopRow};

use crate::header;
use crate::label::Label;
use crate::number;
use crate::table::{Cell, Table};
use crate::view::{Role, View};

/// The ranking as text: its subject, its rows, and what is left out.
pub fn top(top: &Top, view: &View) -> String {
    let unit = &top.header.unit;
    let mut text = header::lines(&top.header, view);
    if top.rows.is_empty() && top.omitted.rows == 0 {
        return text + &header::nothing(&top.header);
    }
    let mut table = Table::new(heads(&top.header));
    for row in &top.rows {
        table.push(cells(row, &top.header), Label::from_key(&row.key));
    }
    text.push('\n');
    text.push_str(&table.render(view));
    text + &header::omitted(&top.omitted, unit, "row", view)
}

/// The heads of the columns; the last is the label's.
pub(crate) fn heads(header: &Header) -> Vec<String> {
    let mut heads = vec![crate::label::clean(&header.sample)];
    heads.extend(header::has_errors(header).then(|| "±".to_owned()));
    heads.extend(["%", "cum", "cum%", "where"].map(String::from));
    heads
}

/// The numbers of a row: one cell for each head but the last.
pub(crate) fn cells(row: &TopRow, header: &Header) -> Vec<Cell> {
    let unit = &header.unit;
    let errors = header::has_errors(header);
    let mut cells = vec![Cell::new(header::amount(row.flat.value, header))];
    cells.extend(errors.then(|| Cell::role(number::margin(&row.flat, unit), Role::Faint)));
    cells.push(Cell::new(number::percent(row.flat_fraction)));
    cells.push(Cell::new(header::amount(row.cumulative.value, header)));
    cells.push(Cell::new(number::percent(row.cumulative_fraction)));
    cells
}

#[cfg(test)]
mod tests {
    use highwater_analyze::Omitted;

    use super::*;
    use crate::samples::{estimate, header, line_key};

    fn sample() -> Top {
        let row = |key, flat, flat_fraction, cumulative, cumulative_fraction| TopRow {
            key,
            flat,
            flat_fraction,
            cumulative,
            cumulative_fraction,
            stack: Vec::new(),
        };
        Top {
            header: header(),
            rows: vec![
                row(
                    line_key(
                        "crates/highwater/examples/codeindex/index.rs",
                        88,
                        "codeindex::index::Index::add",
                    ),
                    estimate(12 << 20, 209_715.2 / 1.96),
                    0.75,
                    estimate(16 << 20, 0.0),
                    1.0,
                ),
                row(
                    line_key("src/main.rs", 7, "codeindex::main"),
                    estimate(1000, 99.5),
                    0.0001,
                    estimate(1000, 99.5),
                    0.0001,
                ),
            ],
            omitted: Omitted { rows: 3, value: 4096 },
        }
    }

    #[test]
    fn a_ranking_fits_eighty_columns() {
        assert_eq!(
            top(&sample(), &View::default()),
            "\
live-bytes 16.0 MiB ± 410 KiB
sampling interval 512 KiB; ± gives the 95 % confidence interval

live-bytes        ±      %       cum    cum%  where
  12.0 MiB  205 KiB  75.0%  16.0 MiB  100.0%  …/index.rs:88 …index::Index::add
    1000 B    195 B   0.0%    1000 B    0.0%  src/main.rs:7 codeindex::main
3 more rows, 4.0 KiB together; --limit 0 --min-fraction 0 shows all
"
        );
    }

    #[test]
    fn a_wide_screen_shows_labels_whole() {
        let text = top(&sample(), &View { width: 140, ..View::default() });
        assert!(
            text.contains("  crates/highwater/examples/codeindex/index.rs:88 codeindex::index::Index::add\n")
        );
    }

    #[test]
    fn colours_only_when_asked_for() {
        assert!(!top(&sample(), &View::default()).contains('\u{1b}'));
        let coloured = top(&sample(), &View { colour: true, ..View::default() });
        assert!(coloured.contains("\u{1b}[1mlive-bytes"), "{coloured:?}");
    }

    #[test]
    fn exact_profiles_have_no_column_of_errors() {
        let mut exact = sample();
        exact.header.exact = true;
        exact.header.interval_bytes = Some(1);
        exact.header.total = estimate(16 << 20, 0.0);
        exact.header.shown_total = estimate(12 << 20, 0.0);
        exact.omitted = Omitted::default();
        assert_eq!(
            top(&exact, &View::default()),
            "\
live-bytes 12.0 MiB of 16.0 MiB
exact: every block recorded

live-bytes      %       cum    cum%  where
  12.0 MiB  75.0%  16.0 MiB  100.0%  …/index.rs:88 codeindex::index::Index::add
    1000 B   0.0%    1000 B    0.0%  src/main.rs:7 codeindex::main
"
        );
    }

    #[test]
    fn an_empty_profile_says_so() {
        let empty = Top { rows: Vec::new(), omitted: Omitted::default(), ..sample() };
        assert!(top(&empty, &View::default()).ends_with("no values to show: nothing matches the filters\n"));
        let header = Header {
            total: estimate(0, 0.0),
            kinds_with_values: vec!["alloc-bytes".to_owned(), "peak-bytes".to_owned()],
            ..header()
        };
        let freed = Top { header, ..empty };
        let text = top(&freed, &View::default());
        assert!(
            text.ends_with(
                "\nno values to show; the file has alloc-bytes, peak-bytes (choose with --sample)\n"
            )
        );
    }
}
