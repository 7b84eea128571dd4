//! The cases, in groups, by name.

mod call;
mod console;
mod crash;
mod diagnostics;
mod driver;
mod event;
mod interrupt;
mod life;
mod migrate;
mod node;
mod pattern;
mod power;
mod race;
mod snapshot;
mod volumes;
mod walk;

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

/// Takes a facet that the case is about, or ends the case because there is none.
macro_rules! facet {
    ($facet:expr) => {
        match $facet {
            Some(facet) => facet,
            None => return Ok($crate::suite::Ending::FacetAbsent),
        }
    };
}
pub(crate) use facet;

/// Takes a facet that another driver of the same back end has.
fn still<T>(facet: Option<T>) -> Result<T, Violation> {
    let lost = "expected a second driver of the back end to have the facets of the first";
    facet.ok_or_else(|| Violation(lost.to_owned()))
}
