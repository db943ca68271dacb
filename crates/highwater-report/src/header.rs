//! The lines above a table: what is shown, how it was sampled, how sure it is.

use highwater_analyze::{Estimate, Header, Omitted, Unit};

use crate::number;
use crate::view::{Role, View};

/// What is shown and what it adds up to, and how it was recorded.
pub(crate) fn lines(header: &Header, view: &View) -> String {
    format!("{}\n{}\n", view.paint(Role::Heading, &total(header)), view.paint(Role::Faint, &origin(header)))
}

/// `live-bytes 12.3 MiB ± 0.4 MiB`, and what filters left of it.
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

/// A value with its unit, and with its sign where the profile is a difference.
pub(crate) fn amount(value: i64, header: &Header) -> String {
    if header.difference { number::signed(value, &header.unit) } else { number::amount(value, &header.unit) }
}

/// How the values came about, which a difference of profiles says less of.
pub(crate) fn origin(header: &Header) -> String {
    if header.difference { DIFFERENCE.to_owned() } else { recording(header.exact, header.interval_bytes) }
}

/// What is said of a difference of profiles.
pub(crate) const DIFFERENCE: &str =
    "the difference of two profiles: values have signs, and no sampling error can be given";

/// What to say when the profile has values, but none of the kind that is shown; else nothing.
pub(crate) fn zeros(header: &Header) -> String {
    let has_others = !header.kinds_with_values.is_empty();
    if has_others && !header.kinds_with_values.contains(&header.sample) {
        nothing(header)
    } else {
        String::new()
    }
}

/// What to say when there is no row: a profile written at the end of a program often has no live block.
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

/// How the values came about and so how far they can be trusted.
pub(crate) fn recording(exact: bool, interval_bytes: Option<i64>) -> String {
    match interval_bytes {
        _ if exact => "exact: every block recorded".to_owned(),
        Some(bytes) => {
            format!("sampling interval {}; ± gives the 95 % confidence interval", number::round_bytes(bytes))
        }
        None => "sampling interval unknown, so no sampling error can be given".to_owned(),
    }
}

/// Whether a column for errors says anything: not when all of them are 0, or all unknown.
pub(crate) fn has_errors(header: &Header) -> bool {
    !header.exact && !header.difference && header.interval_bytes.is_some_and(|bytes| bytes != 1)
}

/// The line that says what a table leaves out and how to see it; empty when it leaves out nothing.
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
