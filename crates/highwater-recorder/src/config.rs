//! What is recorded: the setting built into the program, and `HIGHWATER` in its environment.

use core::num::NonZero;

/// How many allocations are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// None. Exact process totals are still counted.
    Off,
    /// A random selection: one sample for each interval of allocated bytes in the mean.
    Sampled {
        /// The sampling interval in bytes; 1 is the same as [`Mode::Exact`].
        interval_bytes: NonZero<u64>,
    },
    /// All of them.
    Exact,
}

impl Mode {
    /// The mode with this sampling interval; an interval of 1 byte or less records everything.
    pub const fn with_interval(interval_bytes: u64) -> Self {
        match NonZero::new(interval_bytes) {
            None | Some(NonZero::<u64>::MIN) => Self::Exact,
            Some(interval_bytes) => Self::Sampled { interval_bytes },
        }
    }

    /// Mean number of bytes between two samples: 1 in exact mode, `None` when nothing is recorded.
    pub const fn interval_bytes(self) -> Option<u64> {
        match self {
            Self::Off => None,
            Self::Sampled { interval_bytes } => Some(interval_bytes.get()),
            Self::Exact => Some(1),
        }
    }
}

/// The setting of a program. The environment overrides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How many allocations are recorded.
    pub mode: Mode,
}

impl Settings {
    /// The sampling interval of a program that does not choose one: 512 KiB.
    pub const DEFAULT_INTERVAL_BYTES: u64 = 512 * 1024;

    /// Sampling at [`Self::DEFAULT_INTERVAL_BYTES`].
    pub const DEFAULT: Self = Self { mode: Mode::with_interval(Self::DEFAULT_INTERVAL_BYTES) };

    /// Name of the environment variable that overrides the built-in setting.
    pub const VARIABLE: &str = "HIGHWATER";

    /// Applies the value of the environment variable: `off`, `exact`, or `interval:SIZE` with a size such as
    /// `65536`, `64KiB` or `1MiB`. Several settings are separated by commas; the last one wins.
    ///
    /// # Errors
    /// The part that is not understood. It is a piece of `value`, because nothing may be allocated here.
    pub fn overridden(self, value: &[u8]) -> Result<Self, &[u8]> {
        let mut settings = self;
        for part in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
            settings.mode = match part {
                b"" => continue,
                b"off" => Mode::Off,
                b"exact" => Mode::Exact,
                _ => match part.strip_prefix(b"interval:").and_then(parse_size) {
                    Some(interval_bytes @ 1..) => Mode::with_interval(interval_bytes),
                    _ => return Err(part),
                },
            };
        }
        Ok(settings)
    }
}

/// A number of bytes with an optional binary unit: `65536`, `64KiB`. `None` when it is not one, or does not
/// fit.
pub const fn parse_size(text: &[u8]) -> Option<u64> {
    let Some((number, unit)) = leading_number(text) else { return None };
    let scale: u64 = match unit {
        b"" | b"B" => 1,
        b"KiB" => 1 << 10,
        b"MiB" => 1 << 20,
        b"GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(scale)
}

/// The number that a text begins with, and what is behind it. `None` when there is none, or it does not fit.
pub const fn leading_number(text: &[u8]) -> Option<(u64, &[u8])> {
    let (mut number, mut index) = (0_u64, 0);
    while index < text.len() && text[index].is_ascii_digit() {
        let Some(tens) = number.checked_mul(10) else { return None };
        let Some(sum) = tens.checked_add((text[index] - b'0') as u64) else { return None };
        number = sum;
        index += 1;
    }
    if index == 0 { None } else { Some((number, text.split_at(index).1)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode_of(value: &str) -> Result<Mode, &[u8]> {
        Settings::DEFAULT.overridden(value.as_bytes()).map(|settings| settings.mode)
    }

    #[test]
    fn the_environment_overrides_the_built_in_setting() {
        assert_eq!(mode_of(""), Ok(Settings::DEFAULT.mode));
        assert_eq!(mode_of("off"), Ok(Mode::Off));
        assert_eq!(mode_of("exact"), Ok(Mode::Exact));
        assert_eq!(mode_of("interval:64KiB"), Ok(Mode::with_interval(65536)));
        assert_eq!(mode_of(" interval:4096 , "), Ok(Mode::with_interval(4096)));
        assert_eq!(mode_of("interval:1B"), Ok(Mode::Exact));
        assert_eq!(mode_of("off,interval:2GiB"), Ok(Mode::with_interval(2 << 30)));
    }

    #[test]
    fn an_interval_is_never_0() {
        assert_eq!((Mode::with_interval(0), Mode::with_interval(1)), (Mode::Exact, Mode::Exact));
        assert_eq!(Mode::with_interval(2).interval_bytes(), Some(2));
    }

    #[test]
    fn a_bad_value_is_named() {
        for bad in
            ["interval:", "interval:0", "interval:64kb", "interval:-1", "on", "interval:99999999999GiB"]
        {
            assert_eq!(mode_of(bad), Err(bad.as_bytes()), "{bad}");
        }
        assert_eq!(mode_of("exact,nonsense"), Err(b"nonsense".as_slice()));
    }
}
