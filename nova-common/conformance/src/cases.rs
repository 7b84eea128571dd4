//! The cases, in groups, by name.

mod call;
mod driver;
mod event;
mod life;
mod node;
mod power;

use std::pin::Pin;

use crate::suite::{Ending, Package};
use crate::violation::Violation;
use crate::world::World;
use crate::{Fixture, with_all_cases};

/// What every case gets.
pub(crate) struct Bench<'a, F: Fixture> {
    pub(crate) world: &'a World<F>,
    pub(crate) package: &'a Package,
}

pub(crate) type Case<F> = for<'a> fn(&'a Bench<'a, F>) -> Verdict<'a>;

type Verdict<'a> = Pin<Box<dyn Future<Output = Result<Ending, Violation>> + 'a>>;

macro_rules! table {
    ($fixture:ident; $($group:ident: $($case:ident),+;)+) => {
        &[$($(
            (
                concat!(stringify!($group), "::", stringify!($case)),
                |bench| Box::pin(async move { Ok($group::$case(bench).await?.into()) }),
            ),
        )+)+]
    };
}

/// Returns all cases with their names.
pub(crate) fn all<F: Fixture>() -> &'static [(&'static str, Case<F>)] {
    with_all_cases! { table; F }
}
