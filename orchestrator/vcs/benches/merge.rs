//! Merges in a repo of 20,000 files, and what a workspace does often, against the git program started for each.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use crossgate_core::ids::{BranchName, CommitId, RepoName};
use crossgate_vcs::{Merged, Mirror, remove_checkout, status};
use tempfile::TempDir;

/// Pairs of branches; each merges 5 files changed on one side with 5 changed on the other.
const PAIRS: usize = 20;

struct Repo {
    path: PathBuf,
}

impl Repo {
    fn new(root: &Path, name: &str, files: usize) -> Self {
        let repo = Self { path: root.join(name) };
        for n in 0..files {
            let path = repo.file(n);
            fs::create_dir_all(path.parent().expect("a file has a directory")).expect("makes a directory");
            fs::write(path, lines(n, 0)).expect("writes a file");
        }
        repo.git(&["init", "-q", "-b", "main"]);
        repo.commit();
        repo.git(&["repack", "-adq"]);
        repo
    }

    fn file(&self, n: usize) -> PathBuf {
        self.path.join(format!("src/m{:03}/f{:03}.rs", n / 100, n % 100))
    }

    fn git(&self, args: &[&str]) -> String {
        let output = git(&self.path).args(args).stdout(Stdio::piped()).output().expect("git runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn commit(&self) -> CommitId {
        self.git(&["add", "--all"]);
        self.git(&["commit", "-qm", "x"]);
        CommitId::parse(&self.git(&["rev-parse", "HEAD"])).expect("git prints a commit id")
    }

    /// A commit on `main` that changes 5 files.
    fn change(&self, first: usize) -> CommitId {
        self.git(&["checkout", "-q", "--detach", "main"]);
        for n in (first..).step_by(701).take(5) {
            fs::write(self.file(n), lines(n, first + 1)).expect("writes a file");
        }
        self.commit()
    }

    fn mirror(&self, dir: &Path) -> Mirror {
        let name = RepoName::parse("core").expect("is a name");
        Mirror::open(dir, &name, &self.path).expect("opens a mirror")
    }
}

fn lines(seed: usize, edit: usize) -> String {
    let line = |n: usize| if n == 30 { seed * 7 + edit } else { seed * n }.to_string();
    (0..60).map(line).collect::<Vec<_>>().join("\n")
}

fn git(dir: &Path) -> Command {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=A", "-c", "user.email=a@example.org"]);
    command.current_dir(dir).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    command.stdout(Stdio::null());
    command
}

fn merges(c: &mut Criterion, large: &Repo, root: &Path) {
    let pairs: Vec<_> = (0..PAIRS).map(|n| (large.change(4 * n), large.change(4 * n + 2))).collect();
    large.git(&["checkout", "-q", "main"]);
    let mirror = large.mirror(&root.join("mirrors"));
    let mut group = c.benchmark_group("merge, 20,000 files, 5 + 5 changed");
    group.throughput(Throughput::Elements(1));
    let mut next = (0..PAIRS).cycle();
    group.bench_function("Mirror::merge, the same again", |b| {
        b.iter(|| {
            let (onto, head) = &pairs[next.next().expect("a cycle does not end")];
            let merged = mirror.merge(onto, head, "Merge").expect("merges");
            assert!(matches!(merged, Merged::Clean { .. }));
        });
    });
    let mut messages = 0_u64;
    group.bench_function("Mirror::merge, a new commit each time", |b| {
        b.iter(|| {
            let (onto, head) = &pairs[next.next().expect("a cycle does not end")];
            messages += 1;
            black_box(mirror.merge(onto, head, &messages.to_string()).expect("merges"));
        });
    });
    let bare = root.join("mirrors/core.git");
    group.bench_function("git merge-tree, started each time", |b| {
        b.iter(|| {
            let (onto, head) = &pairs[next.next().expect("a cycle does not end")];
            let merged =
                git(&bare).args(["merge-tree", "--write-tree", onto.as_str(), head.as_str()]).status();
            assert!(merged.expect("git runs").success());
        });
    });
    group.finish();
}

fn files(c: &mut Criterion, repos: &[(&str, &Repo)], root: &Path) {
    let main = BranchName::parse("main").expect("is a name");
    let mut group = c.benchmark_group("files");
    for (size, repo) in repos {
        group.bench_function(format!("status, {size}"), |b| {
            b.iter(|| status(&repo.path, &main).expect("reads"));
        });
        group.bench_function(format!("git status, {size}"), |b| {
            b.iter(|| git(&repo.path).args(["status", "--porcelain=v2"]).status().expect("git runs"));
        });
    }
    for (size, repo) in repos {
        let mirror = repo.mirror(&root.join(format!("mirror {size}")));
        let (head, out) = (mirror.resolve("main").expect("resolves"), root.join("out"));
        group.sample_size(10);
        group.bench_function(format!("checkout, {size}"), |b| {
            let clear = || remove_checkout(&out).expect("removes");
            b.iter_batched(
                clear,
                |()| mirror.checkout(&head, &out).expect("checks out"),
                BatchSize::PerIteration,
            );
        });
        remove_checkout(&out).expect("removes");
        group.bench_function(format!("snapshot of nothing, {size}"), |b| {
            b.iter(|| assert_eq!(mirror.snapshot().expect("reads"), None));
        });
    }
    group.finish();
}

fn all(c: &mut Criterion) {
    let root = TempDir::new().expect("makes a directory");
    let large = Repo::new(root.path(), "large", 20_000);
    let middle = Repo::new(root.path(), "middle", 400);
    let small = Repo::new(root.path(), "small", 30);
    merges(c, &large, root.path());
    files(c, &[("30 files", &small), ("400 files", &middle), ("20,000 files", &large)], root.path());
}

criterion_group!(benches, all);
criterion_main!(benches);
