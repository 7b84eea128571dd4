//! The text of `crossgate.yaml`, from its template.

use std::path::Path;

use crossgate_core::ids::RepoName;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use super::guess::{Guess, Repo};
use crate::error::CliError;

const TEMPLATE: &str = include_str!("../../../templates/crossgate.yaml.j2");

/// The variables of the template.
#[derive(Serialize)]
struct Variables<'a> {
    workspace: String,
    owner: Option<&'a str>,
    repos: Vec<RepoLine>,
    guess: &'a Guess,
}

/// A repo, as text of YAML.
#[derive(Serialize)]
struct RepoLine {
    name: String,
    settings: String,
    why: &'static str,
}

/// Renders the file.
pub(super) fn render(root: &Path, guess: &Guess) -> Result<String, CliError> {
    let name = root.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.filter(|name| !name.is_empty() && name.chars().count() <= 100);
    let owner = owner(&guess.repos);
    let variables = Variables {
        workspace: scalar(name.as_deref().unwrap_or("workspace")),
        owner: owner.as_deref(),
        repos: guess.repos.iter().map(|repo| line(repo, owner.is_some())).collect(),
        guess,
    };
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax =
        SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    environment.set_syntax(syntax.map_err(CliError::internal)?);
    environment.add_filter("scalar", |text: String| scalar(&text));
    environment.render_str(TEMPLATE, Serde(variables)).map_err(CliError::internal)
}

fn line(repo: &Repo, has_forge: bool) -> RepoLine {
    let needs: Vec<String> = repo.depends_on.iter().map(|name| scalar(name.as_str())).collect();
    let mut settings =
        vec![format!("role: {}", repo.role), format!("branch: {}", scalar(repo.branch.as_str()))];
    settings.extend((!needs.is_empty()).then(|| format!("depends_on: [{}]", needs.join(", "))));
    // The forge knows the same address, but over HTTPS only.
    let url = repo.url.as_ref().filter(|url| !has_forge || !url.starts_with("https://"));
    settings.extend(url.map(|url| format!("url: {}", scalar(url))));
    settings.extend(repo.path.as_ref().map(|path| format!("path: {}", scalar(path))));
    RepoLine { name: scalar(repo.name.as_str()), settings: settings.join(", "), why: repo.why }
}

/// Returns the owner on GitHub, if all repos have the same and their own names there.
fn owner(repos: &[Repo]) -> Option<String> {
    let of = |repo: &Repo| -> Option<String> {
        let (_, place) = repo.url.as_ref()?.split_once("github.com")?;
        let (owner, name) = place.trim_start_matches([':', '/']).split_once('/')?;
        let same = name.trim_end_matches('/').trim_end_matches(".git") == repo.name.as_str();
        (same && RepoName::parse(owner).is_ok()).then(|| owner.to_owned())
    };
    let first = of(repos.first()?)?;
    repos.iter().all(|repo| of(repo).as_ref() == Some(&first)).then_some(first)
}

/// Returns a text as YAML has it: as it is if it can only be a text, else in quotes.
fn scalar(text: &str) -> String {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    let special = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(word)
        && !special.contains(&&*text.to_lowercase());
    if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_only_be_a_text_goes_without_quotes() {
        for plain in ["main", "stable/2026.1", "nova-common"] {
            assert_eq!(scalar(plain), plain);
        }
        for (text, quoted) in
            [("1.0", "\"1.0\""), ("No", "\"No\""), ("a: b", "\"a: b\""), ("a\"#", "\"a\\\"#\"")]
        {
            assert_eq!(scalar(text), quoted);
        }
    }
}
