//! A call tree as indented lines.

use highwater_analyze::{RowKey, Tree, TreeNode};

use crate::header;
use crate::label::Label;
use crate::number;
use crate::table::{Cell, Table};
use crate::view::{Role, View};

/// Number of levels that are indented. Deeper levels are numbered, so that labels keep enough space.
const INDENTED_LEVELS: usize = 10;

/// The tree as text, callers above callees.
pub fn tree(tree: &Tree, view: &View) -> String {
    let unit = &tree.header.unit;
    let mut text = header::lines(&tree.header, view) + &header::zeros(&tree.header);
    let errors = header::has_errors(&tree.header);
    let mut heads = vec![crate::label::clean(&tree.header.sample)];
    heads.extend(errors.then(|| "±".to_owned()));
    heads.extend(["%", "self", "where"].map(String::from));
    let mut table = Table::new(heads);
    for node in &tree.nodes {
        let mut cells = vec![Cell::new(header::amount(node.cumulative.value, &tree.header))];
        cells.extend(errors.then(|| Cell::role(number::margin(&node.cumulative, unit), Role::Faint)));
        cells.push(Cell::new(number::percent(node.fraction)));
        let own = Some(node.flat.value).filter(|it| *it != 0).map(|it| header::amount(it, &tree.header));
        cells.push(Cell::new(own.unwrap_or_default()));
        table.push(cells, label(node));
    }
    text.push('\n');
    text.push_str(&table.render(view));
    text + &header::omitted(&tree.omitted, unit, "node", view)
}

fn label(node: &TreeNode) -> Label {
    let frame = node.frame.as_ref();
    let key = RowKey {
        label: node.label.clone(),
        function: frame.and_then(|it| it.function.clone()),
        line: frame.and_then(|it| it.line),
        ..RowKey::default()
    };
    let level = match node.depth {
        depth @ ..=INDENTED_LEVELS => " ".repeat(depth),
        depth => format!("{}{depth}: ", " ".repeat(INDENTED_LEVELS)),
    };
    Label::from_key(&key).behind(level)
}

#[cfg(test)]
mod tests {
    use highwater_analyze::{Frame, Omitted};

    use super::*;
    use crate::samples::{estimate, header};

    #[test]
    fn callers_are_above_callees() {
        let node = |depth, label: &str, line, flat: i64, cumulative: i64| TreeNode {
            depth,
            label: label.to_owned(),
            frame: Some(Frame { line, ..Frame::default() }),
            cumulative: estimate(cumulative, 0.0),
            flat: estimate(flat, 0.0),
            fraction: cumulative as f64 / f64::from(16 << 20),
        };
        let nodes = vec![
            node(0, "[root]", None, 0, 16 << 20),
            node(1, "src/main.rs:7 demo::main", Some(7), 4 << 20, 16 << 20),
            node(
                2,
                "a/rather/long/path/to/a/file/index.rs:88 demo::index::Index::add",
                Some(88),
                12 << 20,
                12 << 20,
            ),
            node(57, "deep", None, 0, 1),
        ];
        let answer = Tree { header: header(), nodes, omitted: Omitted { rows: 1, value: 7 } };
        assert_eq!(
            tree(&answer, &View::default()),
            "\
live-bytes 16.0 MiB ± 410 KiB
sampling interval 512 KiB; ± gives the 95 % confidence interval

live-bytes    ±       %      self  where
  16.0 MiB  0 B  100.0%            [root]
  16.0 MiB  0 B  100.0%   4.0 MiB   src/main.rs:7 demo::main
  12.0 MiB  0 B   75.0%  12.0 MiB    …/file/index.rs:88 demo::index::Index::add
       1 B  0 B    0.0%                      57: deep
1 more node, 7 B together; --limit 0 --min-fraction 0 shows all
"
        );
    }
}
