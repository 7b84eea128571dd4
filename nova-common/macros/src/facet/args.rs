//! The arguments of the attribute.

use proc_macro2::{Span, TokenStream};
use syn::meta::ParseNestedMeta;
use syn::parse::Parser as _;
use syn::{Error, Ident, LitInt, LitStr};

const KEYS: &str =
    "expected `name`, `version`, `since`, `deprecated_in`, `removed_in`, `replacement`, `adapts` or `base`";

/// What is said of a facet beside its methods.
pub(super) struct Args {
    pub(super) name: String,
    pub(super) version: u16,
    pub(super) since: u32,
    pub(super) leaving: Option<Leaving>,
    pub(super) adapts: Option<String>,
    pub(super) base: bool,
}

/// When a facet goes, and what comes instead.
pub(super) struct Leaving {
    pub(super) deprecated_in: u32,
    pub(super) removed_in: u32,
    pub(super) replacement: String,
}

impl Leaving {
    /// Returns the version and the text of the deprecation; cycle *n* is released as `1.(n-1)`.
    pub(super) fn notice(&self, name: &Ident) -> (String, String) {
        let Self { deprecated_in, removed_in, replacement } = self;
        let since = format!("1.{}.0", deprecated_in.saturating_sub(1));
        (since, format!("implement `{replacement}` instead: `{name}` leaves in cycle {removed_in}"))
    }
}

#[derive(Default)]
struct Given {
    name: Option<String>,
    version: Option<u16>,
    since: Option<u32>,
    deprecated_in: Option<u32>,
    removed_in: Option<u32>,
    replacement: Option<String>,
    adapts: Option<String>,
    base: bool,
}

impl Args {
    pub(super) fn parse(args: TokenStream, at: Span) -> syn::Result<Self> {
        let mut given = Given::default();
        syn::meta::parser(|meta| given.read(&meta)).parse2(args)?;
        given.check(at)
    }
}

impl Given {
    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        let text = || Ok::<_, Error>(Some(meta.value()?.parse::<LitStr>()?.value()));
        let number = || meta.value()?.parse::<LitInt>()?.base10_parse::<u32>().map(Some);
        match key.as_str() {
            "name" => self.name = text()?,
            "version" => self.version = Some(meta.value()?.parse::<LitInt>()?.base10_parse()?),
            "since" => self.since = number()?,
            "deprecated_in" => self.deprecated_in = number()?,
            "removed_in" => self.removed_in = number()?,
            "replacement" => self.replacement = text()?,
            "adapts" => self.adapts = text()?,
            "base" => self.base = true,
            _ => return Err(meta.error(KEYS)),
        }
        Ok(())
    }

    fn check(self, at: Span) -> syn::Result<Args> {
        let lacking = |key: &str| Error::new(at, format!("the facet does not say its `{key}`: {KEYS}"));
        let since = self.since.ok_or_else(|| lacking("since"))?;
        let leaving = match (self.deprecated_in, self.removed_in, self.replacement) {
            (None, None, None) => None,
            (Some(deprecated_in), Some(removed_in), Some(replacement)) => {
                if deprecated_in <= since {
                    return Err(Error::new(at, "a facet is deprecated in a cycle after the one it came in"));
                }
                if removed_in <= deprecated_in {
                    let early = format!(
                        "drivers get one cycle to convert: deprecated in {deprecated_in}, the facet leaves in {} at \
                         the earliest",
                        deprecated_in.saturating_add(1)
                    );
                    return Err(Error::new(at, early));
                }
                Some(Leaving { deprecated_in, removed_in, replacement })
            }
            _ => {
                let all =
                    "a facet that leaves says all three: `deprecated_in`, `removed_in` and `replacement`";
                return Err(Error::new(at, all));
            }
        };
        Ok(Args {
            name: self.name.ok_or_else(|| lacking("name"))?,
            version: self.version.ok_or_else(|| lacking("version"))?,
            since,
            leaving,
            adapts: self.adapts,
            base: self.base,
        })
    }
}
