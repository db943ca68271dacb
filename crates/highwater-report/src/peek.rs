//! Functions between their callers and callees.

use highwater_analyze::{Header, Peek, PeekEdge, PeekFunction};

use crate::header;
use crate::label::Label;
use crate::number;
use crate::table::{Cell, Table};
use crate::view::{Role, View};

/// Each function as a small table: its callers, itself, its callees. Shares are of the function's own total.
pub fn peek(peek: &Peek, view: &View) -> String {
    let mut text = header::lines(&peek.header, view) + &header::zeros(&peek.header);
    if peek.functions.is_empty() {
        text.push_str("nothing matches\n");
    }
    for function in &peek.functions {
        text.push('\n');
        text.push_str(&table(&peek.header, function, view));
    }
    text + &header::omitted(&peek.omitted, &peek.header.unit, "function", view)
}

fn table(header: &Header, function: &PeekFunction, view: &View) -> String {
    let unit = &header.unit;
    let errors = header::has_errors(header);
    let mut heads = vec![crate::label::clean(&header.sample)];
    heads.extend(errors.then(|| "±".to_owned()));
    heads.extend(["%", "where"].map(String::from));
    let mut table = Table::new(heads);
    let mut push = |value: &highwater_analyze::Estimate, fraction: f64, label: Label| {
        let mut cells = vec![Cell::new(header::amount(value.value, header))];
        cells.extend(errors.then(|| Cell::role(number::margin(value, unit), Role::Faint)));
        cells.push(Cell::new(number::percent(fraction)));
        table.push(cells, label);
    };
    let edge = |edge: &PeekEdge, relation: &str| Label::from_key(&edge.key).behind(relation);
    for caller in &function.callers {
        push(&caller.value, caller.fraction, edge(caller, "  from "));
    }
    push(&function.cumulative, 1.0, Label::from_key(&function.key));
    if function.flat.value != 0 {
        // If the values of a function add up to 0, shares have no meaning.
        let whole =
            if function.cumulative.value == 0 { f64::INFINITY } else { function.cumulative.value as f64 };
        let share = function.flat.value as f64 / whole;
        push(&function.flat, share, Label::text("itself").behind("  "));
    }
    for callee in &function.callees {
        push(&callee.value, callee.fraction, edge(callee, "  to   "));
    }
    table.render(view)
}

#[cfg(test)]
mod tests {
    use highwater_analyze::Omitted;

    use super::*;
    use crate::samples::{estimate, header, line_key};

    #[test]
    fn a_function_stands_between_callers_and_callees() {
        let edge = |name: &str, value: i64, fraction| PeekEdge {
            key: line_key("src/main.rs", 7, name),
            value: estimate(value, 0.0),
            fraction,
        };
        let function = PeekFunction {
            key: line_key("src/index.rs", 88, "demo::index::add"),
            flat: estimate(1 << 20, 0.0),
            flat_fraction: 0.0625,
            cumulative: estimate(4 << 20, 0.0),
            cumulative_fraction: 0.25,
            callers: vec![edge("demo::main", 4 << 20, 1.0)],
            callees: vec![edge("demo::grow", 3 << 20, 0.75)],
        };
        let answer = Peek { header: header(), functions: vec![function], omitted: Omitted::default() };
        assert_eq!(
            peek(&answer, &View::default()),
            "\
live-bytes 16.0 MiB ± 410 KiB
sampling interval 512 KiB; ± gives the 95 % confidence interval

live-bytes    ±       %  where
   4.0 MiB  0 B  100.0%    from src/main.rs:7 demo::main
   4.0 MiB  0 B  100.0%  src/index.rs:88 demo::index::add
   1.0 MiB  0 B   25.0%    itself
   3.0 MiB  0 B   75.0%    to   src/main.rs:7 demo::grow
"
        );
        let none = Peek { functions: Vec::new(), ..answer };
        assert!(peek(&none, &View::default()).ends_with("nothing matches\n"));
    }
}
