//! What the macros refuse, and what they tell the author to do: each file beside its message.

#[test]
fn the_author_is_told_what_to_do() {
    trybuild::TestCases::new().compile_fail("tests/refused/*.rs");
}
