//! The commits of the demo's story, as exact replacements in the repos that it makes.

mod changes;
mod rule;
mod tips;

pub(crate) use changes::{
    ADD_DRAINING, CONVERT_VMWARE, REFUSE_EMPTY_MACHINES, REMOVE_MEMORY_MB, RESERVE_DOM0_MEMORY, TIDY_CYCLE,
};
pub(crate) use tips::TIPS;

/// One commit on one branch of one repo.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Commit {
    pub(crate) repo: &'static str,
    pub(crate) branch: &'static str,
    pub(crate) subject: &'static str,
    pub(crate) body: &'static str,
    pub(crate) edits: &'static [Edit],
}

/// One replacement in one file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edit {
    /// The file, from the top of the repo.
    pub(crate) path: &'static str,
    /// What is replaced; it occurs exactly once.
    pub(crate) from: &'static str,
    /// What takes its place.
    pub(crate) to: &'static str,
}

/// Why an edit does not fit its file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}`: expected exactly one occurrence of `{from}`, got {count}")]
pub(crate) struct EditError {
    path: &'static str,
    from: &'static str,
    count: usize,
}

impl Edit {
    /// Returns the file's text after the edit.
    ///
    /// # Errors
    /// [`EditError`] if the text to replace does not occur exactly once.
    pub(crate) fn apply(&self, text: &str) -> Result<String, EditError> {
        match text.matches(self.from).count() {
            1 => Ok(text.replacen(self.from, self.to, 1)),
            count => Err(EditError { path: self.path, from: self.from, count }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;

    use minijinja::syntax::SyntaxConfig;
    use minijinja::{Environment, context};
    use nova_lifecycle::{ApiTree, rules};

    use super::*;
    use crate::demo::nova;

    /// Returns a file of a repo of the demo as its first commit has it.
    fn first(repo: &str, path: &str) -> String {
        let top = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        if repo == "nova-common" {
            return fs::read_to_string(top.join(repo).join(path)).unwrap();
        }
        let (drivers, set) = match repo {
            "nova-drivers-lab" => (vec![("xen", "hypervisor"), ("docker", "hypervisor")], true),
            "nova-driver-hyperv" => (vec![("hyperv", "hypervisor")], false),
            "nova-driver-libvirt" => (vec![("libvirt", "hypervisor")], false),
            _ => (vec![(repo.strip_prefix("nova-driver-").unwrap(), "cluster")], false),
        };
        let of_package = path.contains("src/");
        let inner = if of_package && set { path.split_once('/').unwrap().1 } else { path };
        let folder = if of_package { "driver" } else { "repo" };
        let template = top.join("driver-template").join(folder).join(format!("{inner}.j2"));
        let (name, kind) = drivers[0];
        let drivers: Vec<_> = drivers.iter().map(|&(name, kind)| context! { name, kind }).collect();
        let mut environment = Environment::new();
        environment
            .set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().unwrap());
        let text = fs::read_to_string(template).unwrap();
        environment.render_str(&text, context! { repo, drivers, set, name, kind }).unwrap()
    }

    fn apply(commit: &Commit, files: &mut BTreeMap<(&'static str, &'static str), String>) {
        for edit in commit.edits {
            let file = files.entry((commit.repo, edit.path)).or_insert_with(|| first(commit.repo, edit.path));
            *file = edit.apply(file).unwrap_or_else(|error| panic!("{}: {error}", commit.subject));
        }
    }

    #[test]
    fn every_edit_fits_the_tip_it_is_for() {
        let mut tips = BTreeMap::new();
        for tip in TIPS {
            apply(tip, &mut tips);
        }
        for change in [
            ADD_DRAINING,
            TIDY_CYCLE,
            REFUSE_EMPTY_MACHINES,
            RESERVE_DOM0_MEMORY,
            REMOVE_MEMORY_MB,
            CONVERT_VMWARE,
        ] {
            apply(&change, &mut tips.clone());
        }
    }

    #[test]
    fn changes_of_the_api_keep_to_the_rules_of_its_life_cycle() {
        let version = first("nova-common", "api/Cargo.toml").parse::<toml::Table>().unwrap();
        let version = version["package"]["version"].as_str().unwrap().to_owned();
        let mut tips = BTreeMap::new();
        for tip in TIPS.iter().filter(|tip| tip.repo == "nova-common") {
            apply(tip, &mut tips);
        }
        for change in [ADD_DRAINING, TIDY_CYCLE, REMOVE_MEMORY_MB] {
            let dir = tempfile::tempdir().unwrap();
            nova::crates().extract(dir.path()).unwrap();
            let mut files = tips.clone();
            apply(&change, &mut files);
            for ((_, path), text) in files {
                fs::write(dir.path().join(path), text).unwrap();
            }
            let tree = ApiTree::read(&dir.path().join("api"), &version).unwrap();
            assert_eq!(rules::check(&tree), [], "{}", change.subject);
        }
    }

    #[test]
    fn changes_that_are_checked_together_touch_different_repos() {
        assert_ne!(REMOVE_MEMORY_MB.repo, CONVERT_VMWARE.repo);
        let depends_on = format!("Depends-On: {}@{}", CONVERT_VMWARE.repo, CONVERT_VMWARE.branch);
        assert!(REMOVE_MEMORY_MB.body.ends_with(&depends_on));
    }

    #[test]
    fn an_edit_that_fits_twice_or_never_is_refused() {
        let edit = Edit { path: "a", from: "x", to: "y" };
        assert_eq!(edit.apply("axb"), Ok("ayb".to_owned()));
        for (text, count) in [("", 0), ("xx", 2)] {
            assert_eq!(edit.apply(text), Err(EditError { path: "a", from: "x", count }));
        }
    }
}
