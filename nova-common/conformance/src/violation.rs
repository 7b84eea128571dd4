//! How a case says that the driver is wrong.

use std::any::type_name;
use std::error::Error;
use std::fmt;

/// What the driver did and what was expected.
#[derive(Debug, Clone)]
pub(crate) struct Violation(pub(crate) String);

pub(crate) type Check = Result<(), Violation>;

impl<E: Error> From<E> for Violation {
    fn from(error: E) -> Self {
        // Each call has an error of its own: its name says which one it was.
        let of = type_name::<E>().rsplit("::").next().unwrap_or("error");
        let mut text = format!("unexpected {of}: {error}");
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
    ($what:expr, $result:expr, $variant:pat) => {
        match $result {
            Err($variant) => {
                $crate::provoked::note(stringify!($variant));
                Ok(())
            }
            other => Err($crate::violation::Violation(format!(
                "expected {} to be refused with `{}`, got {other:?}",
                $what,
                $crate::provoked::condition(stringify!($variant)),
            ))),
        }
    };
}
pub(crate) use ensure_refused;

/// Checks that a call that changes something is refused once a later holder of the lease has acted, once it was
/// cancelled, and past its deadline. [`World::supersede`](crate::world::World::supersede) comes first.
macro_rules! ensure_guarded {
    ($world:expr, $what:literal, $error:ident, |$call:ident| $act:expr) => {{
        let $call = $world.stale_call();
        $crate::violation::ensure_refused!(
            concat!($what, " with a stale epoch"),
            $act.await,
            $error::StaleEpoch(_)
        )?;
        let $call = $world.cancelled_call();
        $crate::violation::ensure_refused!(
            concat!("a cancelled ", $what),
            $act.await,
            $error::Interrupted(nova_api::Interrupted::Cancelled)
        )?;
        let $call = $world.late_call();
        $crate::violation::ensure_refused!(
            concat!($what, " past its deadline"),
            $act.await,
            $error::Interrupted(nova_api::Interrupted::DeadlinePassed)
        )?;
    }};
}
pub(crate) use ensure_guarded;

/// Checks the end of a call that was interrupted in its midst: it may be done, or say that it was interrupted.
macro_rules! ensure_wound_up {
    ($what:expr, $end:expr, $error:ident) => {
        match $end {
            Ok(_) | Err($error::Interrupted(_)) => Ok(()),
            other => Err($crate::violation::Violation(format!(
                "expected {} that is interrupted to be done or to say that it was interrupted, got {other:?}",
                $what
            ))),
        }
    };
}
pub(crate) use ensure_wound_up;
