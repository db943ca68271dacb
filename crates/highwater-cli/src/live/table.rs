//! The rows of the table: which are shown, in which order, and which one is chosen.

use std::cmp::Ordering;

use highwater_report::{Sheet, SheetRow};

/// A sheet with a selection, an order and a chosen row.
#[derive(Debug, Default)]
pub(crate) struct Table {
    sheet: Option<Sheet>,
    /// Positions in the sheet of the shown rows, in display order.
    shown: Vec<usize>,
    /// Index in `shown` of the chosen row.
    chosen: usize,
}

/// The selection and order of the rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish<'a> {
    /// Text that a row or a frame of its stack must contain, ignoring case.
    pub(crate) search: &'a str,
    /// Index into [`Table::orders`].
    pub(crate) order: usize,
    pub(crate) reversed: bool,
}

impl Table {
    /// Shows another sheet. The chosen row stays chosen if it is still there.
    pub(crate) fn show(&mut self, sheet: Option<Sheet>, wish: Wish<'_>) {
        let name = self.chosen().map(|it| it.name().to_owned());
        self.sheet = sheet;
        self.arrange(wish, name.as_deref());
    }

    /// Applies search and order again.
    pub(crate) fn rearrange(&mut self, wish: Wish<'_>) {
        let name = self.chosen().map(|it| it.name().to_owned());
        self.arrange(wish, name.as_deref());
    }

    fn arrange(&mut self, wish: Wish<'_>, name: Option<&str>) {
        let Some(sheet) = &self.sheet else {
            self.shown.clear();
            return;
        };
        let search = wish.search.to_lowercase();
        let contains = |it: &str| it.to_lowercase().contains(&search);
        let found = |it: &SheetRow| contains(it.name()) || it.stack.iter().any(|it| contains(it));
        let rows = sheet.rows.iter().enumerate();
        self.shown = rows.filter(|it| search.is_empty() || found(it.1)).map(|it| it.0).collect();
        let compare = |a: &usize, b: &usize| {
            let (a, b) = (&sheet.rows[*a], &sheet.rows[*b]);
            match wish.order {
                0 => Ordering::Equal,
                order if order < sheet.orders.len() => b.sizes.get(order - 1).cmp(&a.sizes.get(order - 1)),
                _ => a.name().cmp(b.name()),
            }
        };
        self.shown.sort_by(compare);
        if wish.reversed {
            self.shown.reverse();
        }
        let same = name.and_then(|name| self.shown.iter().position(|it| sheet.rows[*it].name() == name));
        self.chosen = same.unwrap_or(self.chosen).min(self.shown.len().saturating_sub(1));
    }

    pub(crate) fn sheet(&self) -> Option<&Sheet> {
        self.sheet.as_ref()
    }

    /// The shown rows.
    pub(crate) fn rows(&self) -> impl ExactSizeIterator<Item = &SheetRow> {
        let rows = self.sheet.as_ref().map_or(&[][..], |it| &it.rows);
        self.shown.iter().map(|it| &rows[*it])
    }

    /// Position of the chosen row in the shown rows.
    pub(crate) fn position(&self) -> usize {
        self.chosen
    }

    pub(crate) fn chosen(&self) -> Option<&SheetRow> {
        self.rows().nth(self.chosen)
    }

    /// Moves the choice down by this number of rows.
    pub(crate) fn step(&mut self, by: isize) {
        let last = self.shown.len().saturating_sub(1);
        self.chosen = self.chosen.saturating_add_signed(by).min(last);
    }

    /// Names of the orders for the rows.
    pub(crate) fn orders(&self) -> impl ExactSizeIterator<Item = &str> {
        let orders = self.sheet.as_ref().map_or(&[][..], |it| &it.orders);
        (0..orders.len() + 1).map(|at| orders.get(at).map_or("name", String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::screen;
    use super::*;

    const WISH: Wish<'_> = Wish { search: "", order: 0, reversed: false };

    fn table() -> Table {
        let (model, _) = screen(3, (80, 24));
        let mut table = Table::default();
        table.show(model.table().sheet().cloned(), WISH);
        table
    }

    fn names(table: &Table) -> Vec<&str> {
        table.rows().map(|it| it.name().split(' ').next().unwrap()).collect()
    }

    #[test]
    fn rows_are_sorted_by_the_sheets_orders() {
        let mut table = table();
        assert_eq!(names(&table), ["src/index.rs:88", "src/load.rs:12"]);
        assert_eq!(table.orders().collect::<Vec<_>>(), ["rank", "live-bytes", "cum", "name"]);
        table.rearrange(Wish { order: 1, reversed: true, ..WISH });
        assert_eq!(names(&table), ["src/load.rs:12", "src/index.rs:88"]);
        table.rearrange(Wish { order: 3, ..WISH });
        assert_eq!(names(&table), ["src/index.rs:88", "src/load.rs:12"]);
        table.rearrange(Wish { order: 3, reversed: true, ..WISH });
        assert_eq!(names(&table), ["src/load.rs:12", "src/index.rs:88"]);
    }

    #[test]
    fn a_search_finds_names_and_frames() {
        let mut table = table();
        table.rearrange(Wish { search: "ARCHIVE", ..WISH });
        assert_eq!(names(&table), ["src/load.rs:12"]);
        table.rearrange(Wish { search: "shop::main", ..WISH });
        assert_eq!(table.rows().len(), 2, "it is in both stacks");
        table.rearrange(Wish { search: "nowhere", ..WISH });
        assert!(table.chosen().is_none() && table.rows().len() == 0);
    }

    #[test]
    fn a_chosen_row_stays_chosen() {
        let mut table = table();
        table.step(1);
        assert_eq!(table.chosen().unwrap().name(), "src/load.rs:12 shop::load::archive");
        table.rearrange(Wish { reversed: true, ..WISH });
        assert_eq!((table.position(), table.chosen().unwrap().name().contains("archive")), (0, true));
        table.step(-9);
        table.step(9);
        assert_eq!(table.position(), 1);
        table.rearrange(Wish { search: "archive", ..WISH });
        assert_eq!(table.position(), 0, "the one that is left");
    }
}
