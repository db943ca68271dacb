//! Rules that say which findings are known and accepted.

use regex::Regex;
use serde::Serialize;

use crate::findings::leaks::leak::{Cause, Leak, NotKnown};
use crate::frames::frame::Frame;
use crate::group::RowKey;

/// A rule: what it applies to, and why it is accepted.
#[derive(Clone, Debug)]
pub struct Suppression {
    /// Found in the function, the file or the module of the finding, or of any frame of its stack.
    pub pattern: Regex,
    /// The only cause it applies to; every cause when `None`.
    pub cause: Option<Cause>,
    /// Why it is accepted.
    pub reason: String,
}

/// What a rule did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Suppressed {
    /// The rule's pattern.
    pub pattern: String,
    /// The rule's reason.
    pub reason: String,
    /// Findings that it took away.
    pub findings: usize,
    /// Their live bytes.
    pub live_bytes: i64,
    /// It took away nothing, though its cause could be looked for.
    pub unused: bool,
}

impl Suppression {
    /// Whether a finding of this cause is accepted, about this row whose largest stack is `stack`.
    pub fn accepts(&self, key: &RowKey, stack: &[Frame], cause: Cause) -> bool {
        let matches = |text: Option<&String>| text.is_some_and(|it| self.pattern.is_match(it));
        let frame =
            |it: &Frame| [&it.function, &it.file, &it.module].into_iter().any(|it| matches(it.as_ref()));
        self.cause.is_none_or(|it| it == cause)
            && ([&key.function, &key.file, &key.module].into_iter().any(|it| matches(it.as_ref()))
                || self.pattern.is_match(&key.label)
                || stack.iter().any(frame))
    }
}

/// Takes away the findings that a rule applies to: of several rules the first.
pub(super) fn apply(
    findings: &mut Vec<Leak>,
    rules: &[Suppression],
    not_known: &[NotKnown],
) -> Vec<Suppressed> {
    let mut counts = vec![(0, 0i64); rules.len()];
    findings.retain(|leak| {
        let Some(rule) =
            rules.iter().position(|it| it.accepts(&leak.key, &leak.stack, leak.evidence.cause()))
        else {
            return true;
        };
        counts[rule].0 += 1;
        counts[rule].1 = counts[rule].1.saturating_add(leak.live_bytes.value);
        false
    });
    let could_be_found = |cause: Cause| not_known.iter().all(|it| it.cause != cause);
    let suppressed = rules.iter().zip(counts).map(|(rule, (findings, live_bytes))| Suppressed {
        pattern: rule.pattern.as_str().to_owned(),
        reason: rule.reason.clone(),
        findings,
        live_bytes,
        // A rule for what cannot be seen in this file is none that has outlived its use.
        unused: findings == 0 && rule.cause.is_none_or(could_be_found),
    });
    suppressed.collect()
}
