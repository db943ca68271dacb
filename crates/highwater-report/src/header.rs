//! The lines above a table: the kind of values, how they were sampled, and their error.

use highwater_analyze::{Estimate, Header, Lost, Omitted, Period, Unit};

use crate::number;
use crate::view::{Role, View};

/// The kind of values with its total, how it was recorded, and the limits of the answer.
pub(crate) fn lines(header: &Header, view: &View) -> String {
    format!(
        "{}\n{}\n{}",
        view.paint(Role::Heading, &total(header)),
        view.paint(Role::Faint, &recording(header)),
        note_lines([header])
    )
}

/// The notes of these headers about the limits of the answers, each once.
pub(crate) fn notes<'a>(headers: impl IntoIterator<Item = &'a Header>) -> Vec<String> {
    let mut notes = Vec::new();
    for note in headers.into_iter().flat_map(|it| &it.notes) {
        let note = format!("note: {}", crate::label::clean(note));
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    notes
}

/// [`notes`], one on each line.
pub(crate) fn note_lines<'a>(headers: impl IntoIterator<Item = &'a Header>) -> String {
    notes(headers).into_iter().map(|it| it + "\n").collect()
}

/// `live-bytes 12.3 MiB ± 0.4 MiB`, and the part that filters left.
pub(crate) fn total(header: &Header) -> String {
    let sample = crate::label::clean(&header.sample);
    let words = |it: &Estimate| match header.difference {
        true => number::signed(it.value, &header.unit),
        false => number::estimate(it, &header.unit),
    };
    let total = words(&header.total);
    if header.shown_total.value == header.total.value {
        return format!("{sample} {total}");
    }
    format!("{sample} {} of {total}", words(&header.shown_total))
}

/// A value with its unit, and with its sign if the profile is a difference.
pub(crate) fn amount(value: i64, header: &Header) -> String {
    if header.difference { number::signed(value, &header.unit) } else { number::amount(value, &header.unit) }
}

/// The note about a difference of profiles.
pub(crate) const DIFFERENCE: &str =
    "the difference of two profiles: values have signs, and no sampling error can be given";

/// A note if the profile has values, but all of the shown kind are 0; else empty.
pub(crate) fn zeros(header: &Header) -> String {
    let has_others = !header.kinds_with_values.is_empty();
    if has_others && !header.kinds_with_values.contains(&header.sample) {
        nothing(header)
    } else {
        String::new()
    }
}

/// The text for a table without rows: a profile written at a program's end often has no live block.
pub(crate) fn nothing(header: &Header) -> String {
    if header.total.value != 0 {
        return "no values to show: nothing matches the filters\n".to_owned();
    }
    match header.kinds_with_values.as_slice() {
        [] => "no values to show: nothing was recorded\n".to_owned(),
        kinds => format!(
            "no values to show; the file has {} (choose with --sample)\n",
            crate::label::clean(&kinds.join(", "))
        ),
    }
}

/// How the values were recorded, and therefore how exact they are.
pub(crate) fn recording(header: &Header) -> String {
    if header.difference {
        return DIFFERENCE.to_owned();
    }
    let recording = match header.interval_bytes {
        Some(1) if header.lost.is_some() => "exact but for what was lost".to_owned(),
        Some(1) if !header.exact && header.total.has_error() => {
            "exact, but only some blocks were timed; ± gives the 95 % confidence interval of what follows"
                .to_owned()
        }
        None => match &header.period {
            Some(it) if has_errors(header) => format!("{}; ± gives the 95 % confidence interval", period(it)),
            Some(it) => period(it),
            None => interval(header.exact, None),
        },
        interval_bytes => interval(header.exact, interval_bytes),
    };
    match &header.lost {
        None => recording,
        Some(it) => format!("{recording}; {}", lost(it, &header.sample, &header.unit)),
    }
}

/// The recorder's losses: `251,192 samples were lost by the recorder: up to 12.1 MiB of live-bytes is
/// missing`.
pub fn lost(lost: &Lost, sample: &str, unit: &Unit) -> String {
    let most = match lost.most {
        Some(most) => format!("up to {}", number::amount(most, unit)),
        None => "an unknown part".to_owned(),
    };
    format!(
        "{} lost by the recorder: {most} of {} is missing",
        number::count(usize::try_from(lost.samples).unwrap_or(0), "sample"),
        crate::label::clean(sample)
    )
}

/// How blocks were sampled.
pub(crate) fn interval(exact: bool, interval_bytes: Option<i64>) -> String {
    match interval_bytes {
        _ if exact => "exact: every block recorded".to_owned(),
        Some(1) => "exact, but not from the start of the process".to_owned(),
        Some(bytes) => {
            format!("sampling interval {}; ± gives the 95 % confidence interval", number::round_bytes(bytes))
        }
        None => "sampling interval unknown, so no sampling error can be given".to_owned(),
    }
}

/// The sampling period of samples that are not taken by bytes.
pub(crate) fn period(period: &Period) -> String {
    let (each, kind) = (number::amount(period.value, &period.unit), crate::label::clean(&period.kind));
    format!("one sample every {each} of {kind}")
}

/// Whether a column for errors has any content: not if all errors are 0, or all are unknown.
pub(crate) fn has_errors(header: &Header) -> bool {
    let interval = header.interval_bytes;
    let is_known = !header.exact && !header.difference;
    let of_time = header.period.is_some() && header.total.margins95().is_some();
    is_known && (of_time || interval.is_some_and(|bytes| bytes != 1 || header.total.has_error()))
}

/// The line that says what a table leaves out and how to show it; empty if nothing is left out.
pub(crate) fn omitted(omitted: &Omitted, unit: &Unit, noun: &str, view: &View) -> String {
    if omitted.rows == 0 {
        return String::new();
    }
    let text = format!(
        "{}, {} together; --limit 0 --min-fraction 0 shows all",
        number::count(omitted.rows, &format!("more {noun}")),
        number::amount(omitted.value, unit)
    );
    format!("{}\n", view.paint(Role::Faint, &text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn a_profile_of_time_says_how_often_it_was_sampled() {
        let unit = Unit::Other("nanoseconds".to_owned());
        let period = Some(Period { value: 10_000_000, kind: "cpu".to_owned(), unit });
        let header = Header { interval_bytes: None, period, ..samples::header() };
        let expected = "one sample every 10.0 ms of cpu; ± gives the 95 % confidence interval";
        assert_eq!(recording(&header), expected);
    }

    #[test]
    fn losses_are_reported_and_then_nothing_is_called_exact() {
        let exact = Header { exact: true, interval_bytes: Some(1), ..samples::header() };
        assert_eq!(recording(&exact), "exact: every block recorded");
        let lost =
            |most| Header { exact: false, lost: Some(Lost { samples: 251_192, most }), ..exact.clone() };
        assert_eq!(
            recording(&lost(Some(12 << 20))),
            "exact but for what was lost; 251,192 samples lost by the recorder: up to 12.0 MiB of live-bytes is missing"
        );
        assert!(recording(&lost(None)).ends_with("an unknown part of live-bytes is missing"));
        let sampled = Header { interval_bytes: Some(512 << 10), ..lost(Some(0)) };
        assert!(recording(&sampled).starts_with("sampling interval 512 KiB"), "{}", recording(&sampled));
        assert!(lines(&lost(None), &View::default()).contains("lost by the recorder"));
    }
}
