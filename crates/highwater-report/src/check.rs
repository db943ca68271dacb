//! The verdict of `check` as text: the total first, then the rows that grew by more than allowed.

use highwater_analyze::{
    Allowance, Check, CheckRow, Doubt, Judged, Judgement, KindCheck, Remedy, Unit, Verdict,
};

use crate::header;
use crate::label::{Label, clean};
use crate::number;
use crate::table::{Cell, Table};
use crate::view::{Role, View};

/// The verdict as text.
pub fn check(check: &Check, view: &View) -> String {
    let mut text =
        format!("{}\n", view.paint(role(check.verdict), &format!("check: {}", word(check.verdict))));
    for kind in &check.checks {
        text.push_str(&one(check, kind, view));
    }
    text
}

fn one(check: &Check, kind: &KindCheck, view: &View) -> String {
    let unit = &kind.new.unit;
    let mut text = format!("{}\n", view.paint(Role::Heading, &total(check, kind)));
    for line in recording(kind) {
        text.push_str(&format!("{}\n", view.paint(Role::Faint, &line)));
    }
    if let Some(advice) = advice(kind) {
        text.push_str(&format!("{advice}\n"));
    }
    let rows = if kind.regressions.is_empty() { &kind.explanation } else { &kind.regressions };
    if !kind.explanation.is_empty() {
        text.push_str("what the peaks consist of; none of this is a regression by itself:\n");
    }
    if !rows.is_empty() {
        let errors = header::has_errors(&kind.base) || header::has_errors(&kind.new);
        let mut heads = vec!["growth"];
        heads.extend(errors.then_some("±"));
        heads.extend(["allowed", "base", "new", "where"]);
        let mut table = Table::new(heads);
        for CheckRow { key, judgement, .. } in rows {
            let Judgement { base, new, growth, allowed, .. } = judgement;
            let mut cells = vec![Cell::role(number::signed(growth.value, unit), Role::Growth)];
            cells.extend(errors.then(|| Cell::role(number::margin(growth, unit), Role::Faint)));
            cells.extend([allowed, &base.value, &new.value].map(|&it| Cell::new(number::amount(it, unit))));
            table.push(cells, Label::from_key(key));
        }
        text.push_str(&table.render(view));
    }
    text.push_str(&header::omitted(
        &kind.omitted,
        unit,
        if kind.explanation.is_empty() { "regression" } else { "row" },
        view,
    ));
    if kind.undecided.rows > 0 {
        text.push_str(&format!("{}\n", view.paint(Role::Faint, &undecided(kind))));
    }
    text
}

/// `live-bytes: 16.0 MiB, then 24.0 MiB; growth +8.0 MiB ± 580 KiB (+50.0%), 819 KiB are allowed (5.0%):
/// regression`.
pub(crate) fn total(check: &Check, kind: &KindCheck) -> String {
    let (unit, total) = (&kind.new.unit, &kind.total);
    format!(
        "{}: {}, then {}; {}: {}",
        clean(&kind.new.sample),
        number::estimate(&total.base, unit),
        number::estimate(&total.new, unit),
        growth(check.max_growth, total, unit),
        word(kind.total_verdict)
    )
}

/// `growth +8.0 MiB ± 580 KiB (+50.0%), 819 KiB are allowed (5.0%)`.
pub(crate) fn growth(allowance: Allowance, it: &Judgement, unit: &Unit) -> String {
    let share = match it.base.value {
        0 => String::new(),
        base => format!(" ({})", number::signed_percent(it.growth.value as f64 / base as f64)),
    };
    let of = match allowance {
        Allowance::Share(share) => format!(" ({})", number::percent(share)),
        Allowance::Fixed(_) => String::new(),
    };
    format!(
        "growth {}{share}, allowed {}{of}",
        number::change(&it.growth, unit),
        number::amount(it.allowed, unit)
    )
}

/// How to get a verdict, if the data does not allow one.
pub(crate) fn advice(kind: &KindCheck) -> Option<String> {
    /// Nobody merges more runs than this, so a larger number is not suggested.
    const MANY_RUNS: u64 = 100;
    Some(match kind.doubt? {
        Doubt::UnknownErrors => {
            "a file does not say its sampling interval, so growth cannot be distinguished from noise"
                .to_owned()
        }
        Doubt::LostSamples => {
            "a recorder lost samples, and what is missing could decide: sample, or record fewer stacks"
                .to_owned()
        }
        Doubt::NothingSampled => {
            "nothing was sampled in either run: run longer, or with a shorter interval".to_owned()
        }
        Doubt::TooFewSamples(Remedy { runs, interval_bytes, .. }) => {
            let interval = match interval_bytes {
                1 => "record in exact mode".to_owned(),
                bytes => format!("record with an interval of at most {}", number::round_bytes(bytes)),
            };
            match runs {
                Some(runs) if runs <= MANY_RUNS => {
                    format!("to decide: merge {runs} runs on each side (highwater merge), or {interval}")
                }
                _ => format!("the growth is very close to what is allowed; to decide: {interval}"),
            }
        }
    })
}

pub(crate) fn undecided(kind: &KindCheck) -> String {
    format!(
        "{} may have grown by more than is allowed, or be noise: {} together",
        number::count(kind.undecided.rows, "row"),
        number::signed(kind.undecided.value, &kind.new.unit)
    )
}

fn recording(kind: &KindCheck) -> Vec<String> {
    let (base, new) = (header::recording(&kind.base), header::recording(&kind.new));
    let mut lines =
        if base == new { vec![new] } else { vec![format!("base: {base}"), format!("new: {new}")] };
    if kind.judged == Judged::ProcessPeak {
        lines.push(
            "judged: the highest live bytes that each process counted, to 64 KiB a thread; runs differ"
                .to_owned(),
        );
    }
    lines.extend(kind.caveats.iter().map(|it| format!("note: {}", clean(&it.to_string()))));
    lines.extend(header::notes([&kind.base, &kind.new]));
    lines
}

pub(crate) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Regression => "regression",
    }
}

pub(crate) fn role(verdict: Verdict) -> Role {
    match verdict {
        Verdict::Pass => Role::Shrinkage,
        Verdict::Inconclusive => Role::Heading,
        Verdict::Regression => Role::Growth,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use highwater_analyze::{Frame, Header, Omitted};

    use super::*;
    use crate::samples::{estimate, header, line_key};

    const ERROR: f64 = 409.6 * 1024.0 / 1.96;

    /// A regression of the total and of one row, whose innermost frame is in the library.
    pub(crate) fn sample() -> Check {
        let judgement = |base: i64, new: i64, allowed: i64| Judgement {
            base: estimate(base, ERROR),
            new: estimate(new, ERROR),
            growth: estimate(new - base, ERROR),
            allowed,
            excess: estimate(new - base - allowed, ERROR),
        };
        let frame = |file: &str, line, function: &str| Frame {
            file: Some(file.to_owned()),
            line: Some(line),
            function: Some(function.to_owned()),
            ..Frame::default()
        };
        let total = judgement(16 << 20, 24 << 20, 838_861);
        let new = Header { total: total.new, shown_total: total.new, ..header() };
        let row = CheckRow {
            key: line_key("src/index.rs", 88, "codeindex::index::Index::add"),
            judgement: judgement(0, 9 << 20, 83_886),
            stack: vec![
                frame("/rustc/0/library/alloc/src/vec/mod.rs", 12, "alloc::vec::Vec<T>::push"),
                frame("/home/me/app/src/index.rs", 88, "codeindex::index::Index::add"),
                frame("/home/me/app/src/main.rs", 7, "codeindex::main"),
            ],
        };
        let kind = KindCheck {
            base: header(),
            new,
            verdict: Verdict::Regression,
            total_verdict: Verdict::Regression,
            total,
            doubt: None,
            caveats: Vec::new(),
            judged: Judged::Rows,
            explanation: Vec::new(),
            regressions: vec![row],
            omitted: Omitted::default(),
            undecided: Omitted { rows: 2, value: 3 << 20 },
        };
        Check {
            verdict: Verdict::Regression,
            max_growth: Allowance::Share(0.05),
            fdr: 0.05,
            checks: vec![kind],
        }
    }

    pub(crate) fn with_doubt(doubt: Doubt) -> Check {
        let mut check = sample();
        check.verdict = Verdict::Inconclusive;
        let kind = &mut check.checks[0];
        (kind.verdict, kind.total_verdict) = (Verdict::Inconclusive, Verdict::Inconclusive);
        kind.doubt = Some(doubt);
        kind.regressions.clear();
        check
    }

    #[test]
    fn a_regression_is_shown_with_its_rows() {
        let expected = "\
check: regression
live-bytes: 16.0 MiB ± 410 KiB, then 24.0 MiB ± 410 KiB; growth +8.0 MiB ± 410 KiB (+50.0%), allowed 819.2 KiB (5.0%): regression
sampling interval 512 KiB; ± gives the 95 % confidence interval
  growth        ±   allowed  base      new  where
+9.0 MiB  410 KiB  81.9 KiB   0 B  9.0 MiB  src/index.rs:88 …index::Index::add
2 rows may have grown by more than is allowed, or be noise: +3.0 MiB together
";
        assert_eq!(check(&sample(), &View::default()), expected);
    }

    #[test]
    fn an_inconclusive_verdict_says_how_to_decide() {
        let text = |doubt| check(&with_doubt(doubt), &View::default());
        let remedy = Remedy { samples_factor: Some(8.6), runs: Some(9), interval_bytes: 32 << 10 };
        let few = text(Doubt::TooFewSamples(remedy));
        assert!(few.starts_with("check: inconclusive\n"), "{few}");
        assert!(
            few.contains("\nto decide: merge 9 runs on each side (highwater merge), or record with an interval of at most 32 KiB\n"),
            "{few}"
        );
        let hopeless = Remedy { samples_factor: None, runs: None, interval_bytes: 1 };
        let close = text(Doubt::TooFewSamples(hopeless));
        assert!(
            close.contains("very close to what is allowed; to decide: record in exact mode\n"),
            "{close}"
        );
        assert!(text(Doubt::UnknownErrors).contains("does not say its sampling interval"));
        assert!(text(Doubt::NothingSampled).contains("nothing was sampled"));
    }
}
