//! What the JSON formats share: arrays visited one element at a time, and errors by line and column.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};

use crate::format::list::Format;
use crate::read_error::ReadError;

/// Why an element is not taken.
pub(super) enum Refusal {
    /// It makes no sense; the place is added.
    Reason(String),
    /// Reading cannot go on for a reason of another kind.
    Error(ReadError),
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        Self::Error(error)
    }
}

/// Parses a document whole.
pub(super) fn parse<'de, T: Deserialize<'de>>(format: Format, text: &'de [u8]) -> Result<T, ReadError> {
    serde_json::from_slice(text).map_err(|it| error(format, &it))
}

/// Hands the elements of the array that lies behind the keys of `path` to `take`, one at a time, so that only
/// one of them is in memory.
///
/// # Errors
/// The errors of the JSON, and what `take` refuses.
pub(super) fn each<'de, T: Deserialize<'de>>(
    format: Format,
    text: &'de [u8],
    path: &[&str],
    mut take: impl FnMut(T) -> Result<(), Refusal>,
) -> Result<(), ReadError> {
    let mut failure = None;
    let walk = Walk { path, take: &mut take, failure: &mut failure, element: PhantomData };
    let mut json = serde_json::Deserializer::from_slice(text);
    let outcome = walk.deserialize(&mut json).and_then(|()| json.end());
    match (failure, outcome) {
        (Some(failure), _) => Err(failure),
        (None, outcome) => outcome.map_err(|it| error(format, &it)),
    }
}

/// The way to an array, and what to do with its elements.
struct Walk<'a, T, F> {
    path: &'a [&'a str],
    take: &'a mut F,
    failure: &'a mut Option<ReadError>,
    element: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>, F: FnMut(T) -> Result<(), Refusal>> DeserializeSeed<'de> for Walk<'_, T, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        if self.path.is_empty() { json.deserialize_seq(self) } else { json.deserialize_map(self) }
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T) -> Result<(), Refusal>> Visitor<'de> for Walk<'_, T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.path {
            [] => f.write_str("an array"),
            [key, ..] => write!(f, "an object with `{key}`"),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((wanted, rest)) = self.path.split_first() else { return Err(A::Error::custom("no array")) };
        while let Some(key) = map.next_key::<Key>()? {
            if key.0 == *wanted {
                map.next_value_seed(Walk {
                    path: rest,
                    take: &mut *self.take,
                    failure: &mut *self.failure,
                    element: PhantomData,
                })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element()? {
            match (self.take)(element) {
                Ok(()) => {}
                Err(Refusal::Reason(reason)) => return Err(A::Error::custom(reason)),
                Err(Refusal::Error(failure)) => {
                    *self.failure = Some(failure);
                    return Err(A::Error::custom("given up"));
                }
            }
        }
        Ok(())
    }
}

/// A key, which may be written with escapes and is then no part of the text.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] std::borrow::Cow<'a, str>);

/// A count: no fraction, not negative, and within the model's `i64`.
#[derive(Clone, Copy)]
pub(super) struct Count(pub i64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        let value = u64::deserialize(json)?;
        i64::try_from(value)
            .map(Self)
            .map_err(|_| D::Error::invalid_value(de::Unexpected::Unsigned(value), &"a count up to 2^63 - 1"))
    }
}

/// What `error` says of a file of this format.
fn error(format: Format, error: &serde_json::Error) -> ReadError {
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = error.to_string();
    let reason = text.strip_suffix(&place).unwrap_or(&text);
    let column = error.column();
    ReadError::Line {
        format: format.title(),
        line: error.line() as u64,
        reason: if error.is_eof() {
            format!("column {column}: the file ends here, in the middle ({reason}); copy it again")
        } else {
            format!("column {column}: {reason}")
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(text: &str) -> Result<Vec<u8>, ReadError> {
        let mut all = Vec::new();
        each(Format::Dhat, text.as_bytes(), &["a", "b"], |it: u8| {
            if it == 13 {
                return Err(Refusal::Reason("thirteen".to_owned()));
            }
            all.push(it);
            Ok(())
        })?;
        Ok(all)
    }

    #[test]
    fn the_array_behind_the_keys_is_visited() {
        assert_eq!(elements(r#"{"x":{"b":[9]},"a":{"c":1,"\u0062":[1,2]},"b":[3]}"#).unwrap(), [1, 2]);
        assert_eq!(elements("{}").unwrap(), [0_u8; 0]);
    }

    #[test]
    fn errors_have_a_line_and_a_column() {
        for (text, expected) in [
            ("{\"a\":\n{\"b\":[1,13]}}", "line 2: column 11: thirteen"),
            ("{\"a\":\n{\"b\":[1,", "line 2: column 8: the file ends here"),
            ("{\"a\":\n{\"b\":[-1]}}", "line 2: column 8: invalid value: integer `-1`, expected u8"),
            ("{\"a\":{\"b\":[]}}\n]", "line 2: column 1: trailing characters"),
            ("{\"a\":[]}", "line 1: column 5: invalid type: sequence, expected an object with `b`"),
        ] {
            let error = elements(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
