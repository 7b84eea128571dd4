//! Words in signatures.

/// Lists the identifiers of a text.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with(|c: char| c.is_alphabetic() || c == '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_can_name_something() {
        let signature = "fn f(&'a self, n: u32) -> Vec<[Node; 4]>";
        assert_eq!(words(signature).collect::<Vec<_>>(), ["fn", "f", "a", "self", "n", "u32", "Vec", "Node"]);
    }
}
