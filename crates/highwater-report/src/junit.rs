//! The verdict of `check` as JUnit XML, which CI systems show next to the tests: a suite for each kind of
//! values, with a case for the total and one for each regression. A regression is a failure; an inconclusive
//! verdict is an error.

use highwater_analyze::{Check, Verdict};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::check::{advice, growth, total};
use crate::label::clean;

/// The verdict as JUnit XML.
///
/// # Errors
/// When the XML cannot be written.
pub fn junit(check: &Check) -> std::io::Result<String> {
    let mut report = Report::new("highwater check");
    for kind in &check.checks {
        let sample = clean(&kind.new.sample);
        let mut suite = TestSuite::new(sample.clone());
        let message = total(check, kind);
        let status = match kind.total_verdict {
            Verdict::Pass => TestCaseStatus::success(),
            Verdict::Regression => because(NonSuccessKind::Failure, &message),
            Verdict::Inconclusive => {
                because(NonSuccessKind::Error, &format!("{message}; {}", advice(kind).unwrap_or_default()))
            }
        };
        suite.add_test_case(case(&sample, "total", status));
        for row in &kind.regressions {
            let message = growth(check.max_growth, &row.judgement, &kind.new.unit);
            let mut status = because(NonSuccessKind::Failure, &message);
            let stack: Vec<String> = row.stack.iter().map(|frame| clean(&frame.label())).collect();
            status.set_description(stack.join("\n"));
            suite.add_test_case(case(&sample, &clean(&row.key.label), status));
        }
        report.add_test_suite(suite);
    }
    report.to_string().map_err(std::io::Error::other)
}

fn because(kind: NonSuccessKind, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(message).set_type("memory");
    status
}

fn case(class: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(class);
    case
}

#[cfg(test)]
mod tests {
    use highwater_analyze::Doubt;

    use super::*;
    use crate::check::tests::{sample, with_doubt};

    #[test]
    fn a_regression_is_a_failure_with_its_stack() {
        let text = junit(&sample()).unwrap();
        assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites "), "{text}");
        assert!(text.contains("<testsuite name=\"live-bytes\" tests=\"2\" "), "{text}");
        assert!(text.contains("failures=\"2\"") && text.contains("errors=\"0\""), "{text}");
        assert!(text.contains("src/index.rs:88 codeindex::index::Index::add"), "{text}");
        assert!(text.contains("codeindex::main"), "the stack: {text}");
    }

    #[test]
    fn an_inconclusive_verdict_is_an_error_and_a_pass_is_a_pass() {
        let text = junit(&with_doubt(Doubt::UnknownErrors)).unwrap();
        assert!(
            text.contains("<error ") && text.contains("errors=\"1\"") && !text.contains("<failure"),
            "{text}"
        );
        let mut check = sample();
        check.checks[0].total_verdict = Verdict::Pass;
        check.checks[0].regressions.clear();
        let text = junit(&check).unwrap();
        assert!(!text.contains("<failure") && !text.contains("<error"), "{text}");
    }

    #[test]
    fn names_stay_within_their_attributes() {
        let mut check = sample();
        check.checks[0].regressions[0].key.label = "<a>&\"b\"\u{1b}".to_owned();
        let text = junit(&check).unwrap();
        assert!(text.contains("&lt;a&gt;&amp;&quot;b&quot;\u{fffd}"), "{text}");
    }
}
