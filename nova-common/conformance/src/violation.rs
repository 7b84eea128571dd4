//! How a case says that the driver is wrong.

use std::error::Error;
use std::fmt;

/// What the driver did and what was expected.
#[derive(Debug, Clone)]
pub(crate) struct Violation(pub(crate) String);

pub(crate) type Check = Result<(), Violation>;

impl<E: Error> From<E> for Violation {
    fn from(error: E) -> Self {
        let mut text = format!("unexpected error: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        Self(text)
    }
}

pub(crate) fn ensure(holds: bool, expected: impl fmt::Display) -> Check {
    if holds { Ok(()) } else { Err(Violation(format!("expected {expected}"))) }
}

pub(crate) fn ensure_eq<T: PartialEq + fmt::Debug>(what: &str, got: &T, expected: &T) -> Check {
    ensure(got == expected, format_args!("{what} to be {expected:?}, got {got:?}"))
}

/// Checks that a call was refused with the documented variant.
macro_rules! ensure_refused {
    ($what:literal, $result:expr, $variant:pat) => {
        match $result {
            Err($variant) => Ok(()),
            other => Err($crate::violation::Violation(format!(
                "expected {} to be refused with {}, got {other:?}",
                $what,
                stringify!($variant),
            ))),
        }
    };
}
pub(crate) use ensure_refused;
