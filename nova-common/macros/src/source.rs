//! Source as text that is the same whichever compiler writes it: neither formatting nor documentation changes it.
//!
//! `nova-lifecycle` has this file as a module too, since a crate of macros can lend nothing: fingerprints and committed
//! signatures are compared as text.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;

/// Writes a piece of source as a person would, without documentation and trailing commas.
pub(crate) fn normal(of: &impl ToTokens) -> String {
    let mut out = String::new();
    write(of.to_token_stream(), &mut out);
    out.trim().to_owned()
}

fn write(tokens: TokenStream, out: &mut String) {
    let mut operator = String::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        if matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '#')
            && tokens.next_if(is_documentation).is_some()
        {
            continue;
        }
        if let TokenTree::Punct(punct) = &token {
            operator.push(punct.as_char());
            if punct.spacing() == Spacing::Alone
                || matches!(punct.as_char(), '<' | '>' | '&' | ',') && operator != "-"
            {
                punctuate(&operator, out);
                operator.clear();
            }
            continue;
        }
        match &token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => (" { ", " }"),
                    Delimiter::None => ("", ""),
                };
                if open == "(" && out.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '>')) {
                    out.push('(');
                } else {
                    separate(out);
                    let spaced = if out.ends_with(' ') { open.trim_start() } else { open };
                    out.push_str(spaced);
                }
                write(group.stream(), out);
                let kept = out.trim_end_matches([',', ' ']).len();
                out.truncate(kept);
                out.push_str(close);
            }
            word => {
                separate(out);
                // What stands before a word belongs to it: `'a`.
                out.push_str(&operator);
                operator.clear();
                out.push_str(&word.to_string());
            }
        }
    }
    punctuate(&operator, out);
}

/// Puts a space where two words would run into one another.
fn separate(out: &mut String) {
    if out.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | ')' | ']' | '>' | '}')) {
        out.push(' ');
    }
}

fn punctuate(operator: &str, out: &mut String) {
    match operator {
        "" => {}
        "," | ";" | ":" => {
            out.push_str(operator);
            out.push(' ');
        }
        "::" | "<" | "?" | "!" => out.push_str(operator),
        ">" => {
            let kept = out.trim_end_matches([',', ' ']).len();
            out.truncate(kept);
            out.push('>');
        }
        "&" | "#" | "*" => {
            separate(out);
            out.push_str(operator);
        }
        _ => {
            let spaced = if out.ends_with(' ') { "" } else { " " };
            out.push_str(spaced);
            out.push_str(operator);
            out.push(' ');
        }
    }
}

/// Tells the brackets of `#[doc = "…"]`, which `///` stands for.
fn is_documentation(token: &TokenTree) -> bool {
    let TokenTree::Group(group) = token else { return false };
    let first = group.stream().into_iter().next();
    group.delimiter() == Delimiter::Bracket && matches!(first, Some(TokenTree::Ident(word)) if word == "doc")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formatting_and_documentation_leave_no_trace() {
        let short = "fn f<'a>(a: &'a A, b: B<C>) -> D { /// one\n E, F }";
        let long = "fn f<'a>(\n a : & 'a A,\n b: B<\n C,\n >,\n) -> D {\n /** other */\n E,\n F,\n }";
        let [short, long] = [short, long].map(|source| normal(&source.parse::<TokenStream>().unwrap()));
        assert_eq!(short, long);
        assert_eq!(short, "fn f<'a>(a: &'a A, b: B<C>) -> D { E, F }");
    }

    #[track_caller]
    fn assert_written(source: &str, expected: &str) {
        let tokens: TokenStream = source.parse().unwrap();
        assert_eq!(normal(&tokens), expected);
    }

    #[test]
    fn source_is_written_on_one_line_without_trailing_commas() {
        assert_written(
            "fn inventory(\n & self , node : & NodeName,\n ) -> impl Future<Output = Result<Vec < u8 >, E,>> + Send",
            "fn inventory(&self, node: &NodeName) -> impl Future<Output = Result<Vec<u8>, E>> + Send",
        );
        assert_written(
            "fn a<'call>(&'call self, at: std::time::Duration, of: Option<&dyn A>, (b, c): (u8, [u8; 4])) -> ()",
            "fn a<'call>(&'call self, at: std::time::Duration, of: Option<&dyn A>, (b, c): (u8, [u8; 4])) -> ()",
        );
        assert_written("Option < Box < dyn Error + Send > >", "Option<Box<dyn Error + Send>>");
    }
}
