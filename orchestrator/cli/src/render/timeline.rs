//! What came out of a scenario as a Gantt chart in SVG: when which build ran on what, what was started anew, what landed.

mod axis;
mod layout;

use crossgate_simulator::Outcome;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use self::layout::Picture;

/// Most builds that are drawn.
const MAX_BARS: usize = 2_000;

/// Most changes that are drawn.
const MAX_GROUPS: usize = 500;

/// Returns the chart. It needs no script, follows the reader's choice of a light or dark page, and its text can be selected.
pub(crate) fn svg(outcome: &Outcome) -> String {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let syntax =
        SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    environment.set_syntax(syntax.expect("the delimiters are the default ones"));
    let picture = Picture::of(outcome, MAX_BARS, MAX_GROUPS);
    let template = include_str!("timeline/timeline.svg.j2");
    environment
        .render_named_str("timeline.svg", template, Serde(&picture))
        .expect("the template renders any picture")
}

#[cfg(test)]
mod tests;
