//! How a signature differs from another, in words.

use std::collections::BTreeSet;

use super::Asks;

/// Says how an item changed.
pub(super) fn changed(item: &str, was: &str, is: &str) -> (Asks, String) {
    if let Some(object) = item.strip_prefix("object ") {
        return (
            Asks::Nothing,
            format!("`{object}` is written as version {is} instead of {was}: nothing to do"),
        );
    }
    if let Some((was, is)) = was.strip_prefix("required ").zip(is.strip_prefix("provided "))
        && was == is
    {
        return (Asks::Nothing, format!("`{item}` has a default now: nothing to do"));
    }
    if let Some((was, is)) = was.strip_prefix("trait").zip(is.strip_prefix("trait")) {
        let bounds = |text: &str| text.trim_start_matches([' ', ':']).to_owned();
        let text = format!("the trait `{item}` asks for `{}` instead of `{}`", bounds(is), bounds(was));
        return (Asks::Now, text);
    }
    let told = functions(was, is)
        .or_else(|| recoveries(was, is))
        .or_else(|| variants(was, is))
        .unwrap_or_else(|| format!("is `{is}` instead of `{was}`"));
    (Asks::Now, format!("`{item}` {told}"))
}

/// A signature in its parts: `fn name(arguments) -> output`.
struct Function<'a> {
    arguments: Vec<&'a str>,
    output: &'a str,
}

impl<'a> Function<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let text = text.strip_prefix("required ").or_else(|| text.strip_prefix("provided ")).unwrap_or(text);
        if !text.starts_with("fn ") && !text.contains(" fn ") {
            return None;
        }
        let (_, rest) = text.split_once('(')?;
        let end = rest.len() - split_top(rest, ')').last()?.len();
        let (arguments, output) = rest.split_at(end.saturating_sub(1));
        let arguments = split_top(arguments, ',').into_iter().map(str::trim).filter(|it| !it.is_empty());
        let output = output.trim_start_matches(')').trim().strip_prefix("-> ").unwrap_or("()");
        Some(Self { arguments: arguments.collect(), output })
    }
}

/// Splits at a sign that is in no bracket; a closing bracket that opens nowhere ends the text.
fn split_top(text: &str, sign: char) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, c) in text.char_indices() {
        let is_arrow = c == '>' && text[..at].ends_with('-');
        match c {
            _ if c == sign && depth == 0 => {
                parts.push(&text[start..at]);
                start = at + c.len_utf8();
                if sign == ')' {
                    break;
                }
            }
            '(' | '[' | '<' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            '>' if !is_arrow => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn functions(was: &str, is: &str) -> Option<String> {
    let (old, new) = (Function::parse(was)?, Function::parse(is)?);
    let mut told = arguments(&old.arguments, &new.arguments);
    if old.output.strip_suffix(" + Send") == Some(new.output) {
        told.push("gives a future that is not `Send`".to_owned());
    } else if old.output != new.output {
        told.push(format!("gives `{}` instead of `{}`", answer(new.output), answer(old.output)));
    }
    if was.starts_with("provided ") && is.starts_with("required ") {
        told.push("has no default any more: implement it".to_owned());
    }
    (!told.is_empty()).then(|| told.join(", and "))
}

fn arguments(was: &[&str], is: &[&str]) -> Vec<String> {
    if was.len() != is.len() {
        let (more, fewer, word) = if is.len() > was.len() { (is, was, "new") } else { (was, is, "gone") };
        let differing = more.iter().filter(|one| !fewer.contains(one));
        let differing: Vec<_> = differing.map(|argument| format!("`{argument}` is {word}")).collect();
        return vec![format!(
            "takes {} arguments instead of {}: {}",
            is.len(),
            was.len(),
            differing.join(", ")
        )];
    }
    let typed = |argument: &str| {
        let (name, ty) = argument.split_once(": ").unwrap_or(("self", argument));
        (name.to_owned(), ty.to_owned())
    };
    let pairs = was.iter().zip(is).map(|(was, is)| (typed(was), typed(is)));
    let differing = pairs.filter(|((_, was), (_, is))| was != is);
    differing.map(|((_, was), (name, is))| format!("takes `{is}` for `{name}` instead of `{was}`")).collect()
}

/// Returns what a future gives, or what is given at once.
fn answer(output: &str) -> &str {
    let inner = output.strip_prefix("impl Future<Output = ");
    let inner = inner.map(|inner| inner.strip_suffix(" + Send").unwrap_or(inner));
    inner.and_then(|inner| inner.strip_suffix('>')).unwrap_or(output)
}

/// Says how a condition of an error changed: `(Payload) => Recovery`.
fn recoveries(was: &str, is: &str) -> Option<String> {
    let ((held, was), (holds, is)) = (was.split_once(" => ")?, is.split_once(" => ")?);
    if held != holds {
        return Some(format!("holds `{holds}` instead of `{held}`"));
    }
    Some(format!(
        "is answered with `{is}` instead of `{was}`: see that you return it only where that is right"
    ))
}

fn variants(was: &str, is: &str) -> Option<String> {
    let listed = |text: &str| -> Option<BTreeSet<String>> {
        let variants = text.strip_prefix("enum ").or_else(|| text.strip_prefix("error "))?;
        Some(split_top(variants, ',').into_iter().map(|variant| variant.trim().to_owned()).collect())
    };
    let (old, new) = (listed(was)?, listed(is)?);
    let of = |of: &BTreeSet<String>, but: &BTreeSet<String>| {
        let names: Vec<_> = of.difference(but).map(|variant| format!("`{variant}`")).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let more = of(&new, &old).map(|names| {
        let how = if is.starts_with("error") {
            "return it where it holds"
        } else {
            "add an arm where you match on it"
        };
        format!("has the new variant {names}: {how}")
    });
    let fewer = of(&old, &new).map(|names| format!("has no variant {names} any more"));
    let told: Vec<_> = more.into_iter().chain(fewer).collect();
    (!told.is_empty()).then(|| told.join(", and "))
}
