//! What git says on its error output: kept short, without credentials, and sorted into what a retry can help.

use crate::error::Retry;

const KEPT: usize = 4096;

/// The end of an output.
#[derive(Debug, Default)]
pub(crate) struct Tail(Vec<u8>);

impl Tail {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        if self.0.len() > 2 * KEPT {
            self.0.drain(..self.0.len() - KEPT);
        }
    }

    pub(crate) fn text(&self) -> String {
        let start = self.0.len().saturating_sub(KEPT);
        redact(String::from_utf8_lossy(&self.0[start..]).trim())
    }
}

/// Replaces user names and passwords in URLs.
pub(crate) fn redact(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        clean.push_str(before);
        let authority = after.find(|c: char| c == '/' || c.is_whitespace() || matches!(c, '\'' | '"' | '`'));
        let authority = &after[..authority.unwrap_or(after.len())];
        rest = after;
        if let Some(end) = authority.rfind('@') {
            clean.push_str("***");
            rest = &after[end..];
        }
    }
    clean + rest
}

/// Says whether git failed at something that passes by itself. What names a lasting cause wins: servers and ssh add
/// general complaints about the connection to every refusal.
pub(crate) fn retry(stderr: &str) -> Retry {
    const LASTING: [&str; 12] = [
        "Authentication failed",
        "Permission denied",
        "could not read Username",
        "could not read Password",
        "Host key verification failed",
        "does not appear to be a git repository",
        "does not exist",
        "Repository not found",
        "returned error: 401",
        "returned error: 403",
        "returned error: 404",
        "[rejected]",
    ];
    const PASSING: [&str; 22] = [
        "Could not resolve host",
        "Temporary failure in name resolution",
        "Connection timed out",
        "Operation timed out",
        "Connection reset",
        "Connection refused",
        "Connection closed",
        "Failed to connect",
        "Network is unreachable",
        "No route to host",
        "early EOF",
        "RPC failed",
        "he remote end hung up",
        "unexpected disconnect",
        "kex_exchange_identification",
        "TLS connect",
        "returned error: 429",
        "returned error: 500",
        "returned error: 502",
        "returned error: 503",
        "returned error: 504",
        ".lock': File exists",
    ];
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| stderr.contains(phrase));
    if !says(&LASTING) && says(&PASSING) { Retry::Transient } else { Retry::Permanent }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_redacted() {
        for (text, clean) in [
            ("fatal: https://bob:s3cret@host/x.git: no", "fatal: https://***@host/x.git: no"),
            ("'https://token@host' and ssh://git@h:22/x", "'https://***@host' and ssh://***@h:22/x"),
            ("https://a:p@ss@host/x", "https://***@host/x"),
            ("https://host/@scope/x a@b", "https://host/@scope/x a@b"),
            ("nothing here", "nothing here"),
        ] {
            assert_eq!(redact(text), clean);
        }
    }

    #[test]
    fn only_what_passes_is_tried_again() {
        for passing in [
            "fatal: unable to access 'https://h/': Could not resolve host: h",
            "error: RPC failed; HTTP 502 curl 22 The requested URL returned error: 502",
            "fatal: Unable to create '/x/.git/shallow.lock': File exists.",
        ] {
            assert_eq!(retry(passing), Retry::Transient, "{passing}");
        }
        for lasting in [
            "fatal: '/x' does not appear to be a git repository\nfatal: Could not read from remote repository.",
            "git@h: Permission denied (publickey).\nConnection closed by h",
            "fatal: unable to access 'https://h/': The requested URL returned error: 403",
            "fatal: couldn't find remote ref nope",
        ] {
            assert_eq!(retry(lasting), Retry::Permanent, "{lasting}");
        }
    }

    #[test]
    fn a_tail_is_bounded_and_keeps_the_end() {
        let mut tail = Tail::default();
        for line in 0..10_000 {
            tail.push(format!("line {line}\n").as_bytes());
        }
        assert!(tail.text().len() <= KEPT && tail.0.len() <= 2 * KEPT);
        assert!(tail.text().ends_with("line 9999"));
    }
}
