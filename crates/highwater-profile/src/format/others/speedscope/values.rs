//! The tables of one profile of a file, as they are in memory.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

/// A number, which is kept exact as long as it is whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Amount {
    /// Without a fraction, and within `i64`.
    Whole(i64),
    /// Anything else.
    Other(f64),
}

impl Amount {
    /// The number times `scale`, rounded; `None` when that is beyond `i64`.
    pub fn scaled(self, scale: f64) -> Option<i64> {
        match self {
            Self::Whole(value) if scale == 1.0 => Some(value),
            Self::Whole(value) => round(value as f64 * scale),
            Self::Other(value) => round(value * scale),
        }
    }
}

fn round(value: f64) -> Option<i64> {
    let value = value.round();
    // The bounds are exact: 2^63 is a power of two.
    (-(2_f64.powi(63)) <= value && value < 2_f64.powi(63)).then_some(value as i64)
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct AnyNumber;
        impl Visitor<'_> for AnyNumber {
            type Value = Amount;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Amount, E> {
                Ok(Amount::Whole(value))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Amount, E> {
                Ok(i64::try_from(value).map_or(Amount::Other(value as f64), Amount::Whole))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Amount, E> {
                Ok(Amount::Other(value))
            }
        }
        json.deserialize_any(AnyNumber)
    }
}

/// An event: a frame opens or closes.
#[derive(Clone, Copy, Deserialize)]
pub(super) struct Event {
    /// Which of the two.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// What the counter shows.
    pub at: Amount,
    /// Position in the table of frames.
    pub frame: u32,
}

/// What an event does.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum EventKind {
    /// A frame is called.
    #[serde(rename = "O")]
    Open,
    /// The innermost frame returns.
    #[serde(rename = "C")]
    Close,
}

/// Stacks, root first, in one flat table.
#[derive(Default)]
pub(super) struct Stacks {
    frames: Vec<u32>,
    ends: Vec<usize>,
}

impl Stacks {
    /// Number of stacks.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// All stacks, by positions in the table of frames.
    pub fn iter(&self) -> impl Iterator<Item = &[u32]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.frames[start..end])
    }
}

impl<'de> Deserialize<'de> for Stacks {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Stacks;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an array of stacks")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Stacks, A::Error> {
                let mut stacks = Stacks::default();
                while all.next_element_seed(One(&mut stacks.frames))?.is_some() {
                    stacks.ends.push(stacks.frames.len());
                }
                Ok(stacks)
            }
        }
        json.deserialize_seq(All)
    }
}

/// Appends the frames of one stack.
struct One<'a>(&'a mut Vec<u32>);

impl<'de> DeserializeSeed<'de> for One<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for One<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an array of frames")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut frames: A) -> Result<(), A::Error> {
        while let Some(frame) = frames.next_element()? {
            self.0.push(frame);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_when_whole() {
        let amount = |text: &str| serde_json::from_str::<Amount>(text).unwrap();
        assert_eq!(amount("9007199254740993").scaled(1.0), Some(9_007_199_254_740_993));
        assert_eq!(amount("-3").scaled(1e3), Some(-3000));
        assert_eq!(amount("1.5").scaled(1e6), Some(1_500_000));
        assert_eq!(amount("9223372036854775808").scaled(1.0), None);
        assert_eq!(amount("1e300").scaled(1.0), None);
        assert!(serde_json::from_str::<Amount>("\"1\"").is_err());
    }

    #[test]
    fn stacks_are_flat() {
        let stacks: Stacks = serde_json::from_str("[[1,2],[],[3]]").unwrap();
        assert_eq!(stacks.iter().collect::<Vec<_>>(), [&[1, 2][..], &[], &[3]]);
        assert!(serde_json::from_str::<Stacks>("[[-1]]").is_err());
        assert!(serde_json::from_str::<Stacks>("[1]").is_err());
    }
}
