//! Parses what anybody may have written: what nests too deep is refused, as parsers and trees recurse.

use std::io;
use std::panic;
use std::thread;

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree, token_stream};

/// For the deepest tree that is not refused, in a build without optimisation.
const STACK_BYTES: usize = 256 << 20;
/// Most steps down: a bracket counts as several, and each token of an expression could be one.
const MAX_STEPS: usize = 6_000;
const STEPS_OF_A_BRACKET: usize = 24;

/// Calls a function where it may recurse as deep as what [`file`] lets through.
///
/// # Errors
/// What the system says if there can be no thread for it.
pub(crate) fn with_room<R: Send>(work: impl FnOnce() -> R + Send) -> Result<R, io::Error> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work)?;
        Ok(thread.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked)))
    })
}

/// Parses a source file.
///
/// # Errors
/// What is not Rust, or nests too deep.
pub(crate) fn file(text: &str) -> syn::Result<syn::File> {
    let text = text.trim_start_matches('\u{feff}');
    // A script's first line is for the system that starts it.
    let script = text.starts_with("#!") && !text[2..].trim_start().starts_with('[');
    let text = if script { &text[text.find('\n').unwrap_or(text.len())..] } else { text };
    let tokens: TokenStream = text.parse()?;
    checked(tokens.clone())?;
    syn::parse2(tokens)
}

/// One bracket that is open.
struct Level {
    trees: token_stream::IntoIter,
    /// Steps down to it.
    above: usize,
    /// Tokens since the last that surely ended what could nest.
    run: usize,
    after_block: bool,
}

fn checked(stream: TokenStream) -> syn::Result<()> {
    let level =
        |stream: TokenStream, above| Level { trees: stream.into_iter(), above, run: 0, after_block: false };
    let mut open = vec![level(stream, 0)];
    while let Some(current) = open.last_mut() {
        let Some(tree) = current.trees.next() else {
            open.pop();
            continue;
        };
        let goes_on = match &tree {
            TokenTree::Ident(word) => word == "else" || word == "as",
            TokenTree::Punct(punct) => punct.as_char() != '#',
            TokenTree::Group(_) | TokenTree::Literal(_) => false,
        };
        let ended = matches!(&tree, TokenTree::Punct(punct) if matches!(punct.as_char(), ';' | ','));
        current.run = if ended || (current.after_block && !goes_on) { 1 } else { current.run + 1 };
        current.after_block = matches!(&tree, TokenTree::Group(it) if it.delimiter() == Delimiter::Brace);
        let steps = current.above + current.run;
        if steps > MAX_STEPS {
            return Err(too_deep(tree.span()));
        }
        if let TokenTree::Group(group) = tree {
            open.push(level(group.stream(), steps + STEPS_OF_A_BRACKET));
        }
    }
    Ok(())
}

fn too_deep(at: Span) -> syn::Error {
    syn::Error::new(at, "nested too deep to be read")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<(), String> {
        with_room(|| file(text).map(drop).map_err(|error| error.to_string())).unwrap()
    }

    #[test]
    fn what_people_write_is_read() {
        let methods = "fn f() { let x = if a { 1 } else { 2 }; }\n".repeat(5_000);
        for text in [
            "#!/usr/bin/env run\nfn main() {}".to_owned(),
            "\u{feff}#![forbid(unsafe_code)]\nfn main() {}".to_owned(),
            format!("impl A {{ {methods} }}"),
            format!("fn f() {{ vec![{}] }}", "1, ".repeat(20_000)),
            format!("fn f() {{ a{} }}", ".b(1, 2)".repeat(500)),
            format!("fn f() {{ {}1{} }}", "(".repeat(100), ")".repeat(100)),
        ] {
            assert_eq!(parsed(&text), Ok(()), "{}", &text[..40]);
        }
    }

    #[test]
    fn what_would_exhaust_the_stack_is_refused_or_read() {
        for (open, close) in [
            ("(", ")"),
            ("!", ""),
            ("&", ""),
            ("1+", ""),
            ("|x|", ""),
            ("return ", ""),
            ("x = ", ""),
            ("if a {} else ", "{}"),
            ("[", "]"),
            ("{", "}"),
            ("unsafe {", "}"),
            ("match a { _ => ", "}"),
            ("A::<", "::B>"),
            ("x as *const ", ""),
        ] {
            for times in [100, 240, 1_900, 5_000, 20_000] {
                let text = format!("fn f() {{ {}x{} }}", open.repeat(times), close.repeat(times));
                // Either is fine; that it ends is what is tested.
                let deep = parsed(&text).is_err_and(|why| why.contains("too deep"));
                assert!(deep || times < 20_000, "{open}");
            }
        }
    }
}
