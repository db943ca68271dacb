//! The comparison with other tools has no measurement that the benchmarks do not have.

use std::collections::BTreeSet;

use regex::Regex;

use super::{finding::Finding, markdown, tree::Tree};

const PAGE: &str = "docs/COMPARE.md";
const SOURCE: &str = "docs/BENCHMARKS.md";

/// Every number of the comparison with a decimal point, or in MB, is in the benchmarks as it stands.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let (Some(page), Some(source)) = (tree.text(PAGE), tree.text(SOURCE)) else {
        return vec![Finding::new(
            PAGE,
            0,
            format!("say where other tools are better, with numbers of {SOURCE}"),
        )];
    };
    let numbers = Regex::new(r"[0-9][0-9,]*(?:\.[0-9]+)?");
    let measured = Regex::new(r"([0-9][0-9,]*\.[0-9]+)|([0-9][0-9,]*) MB");
    let (Ok(numbers), Ok(measured)) = (numbers, measured) else { return vec![] };
    let plain = |number: &str| number.replace(',', "");
    let known: BTreeSet<String> = numbers.find_iter(source).map(|number| plain(number.as_str())).collect();
    let mut findings = Vec::new();
    for (line, text) in markdown::prose(page) {
        let said = measured.captures_iter(text).filter_map(|found| found.get(1).or_else(|| found.get(2)));
        let unknown = said.filter(|number| !known.contains(&plain(number.as_str())));
        findings.extend(unknown.map(|number| {
            let advice = format!("{} is not in {SOURCE}: take the number that was measured", number.as_str());
            Finding::new(PAGE, line, advice)
        }));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(page: &str) -> Vec<usize> {
        let source = "```text\nmix  1.05  31.87\npprof 33.66  4578 MB\n```\n10 MB of JSON";
        let tree = Tree::of(&[(PAGE, page), (SOURCE, source)], vec![]);
        check(&tree).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn numbers_that_were_measured_pass() {
        let page =
            "At 1.05, and 31.87 ns.\nIt took 33.66 s and 4,578 MB for 10 MB.\nTen of 8 workloads, 116 times.";
        assert!(found(page).is_empty());
    }

    #[test]
    fn a_number_that_was_not_measured_is_found() {
        assert_eq!(found("At 1.05.\nAt 1.06, and 31.8 ns."), [2, 2]);
        assert_eq!(found("It took 4,579 MB."), [1]);
    }

    #[test]
    fn a_comparison_that_is_not_there_is_found() {
        assert_eq!(check(&Tree::of(&[(SOURCE, "")], vec![])).len(), 1);
    }
}
