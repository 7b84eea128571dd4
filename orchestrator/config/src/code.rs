//! The stable names of what can be wrong.

macro_rules! codes {
    ($($code:ident $name:literal $meaning:literal)*) => {
        /// What is wrong, by kind.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Code { $($code,)* }

        impl Code {
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$code => $name,)* }
            }
        }

        /// Every code that a diagnostic can have, and what it means.
        pub const CODES: &[(&str, &str)] = &[$((Code::$code.name(), $meaning),)*];
    };
}

codes! {
    Unreadable "unreadable" "a file is missing, not permitted or no file"
    TooLarge "too-large" "a file is longer than 1 MiB"
    NotUtf8 "not-utf8" "a file is not text"
    YamlSyntax "yaml-syntax" "a file is not YAML, or YAML beyond one document of maps, lists and text"
    YamlTag "yaml-tag" "a value has a tag"
    TooComplex "too-complex" "a file is nested too deep or holds too many values, aliases followed"
    DuplicateKey "duplicate-key" "a map has a key twice"
    UnknownKey "unknown-key" "a map has a key that means nothing there"
    MissingKey "missing-key" "a map lacks a key that it needs"
    WrongType "wrong-type" "a value is of another kind than its key expects"
    InvalidValue "invalid-value" "a value is of the right kind but not one that its key takes"
    UnknownVersion "unknown-version" "the version of the grammar is not known"
    UnknownRepo "unknown-repo" "a name leads to no repo"
    UnknownDriver "unknown-driver" "a name leads to no driver"
    UnknownJob "unknown-job" "a name leads to no job that may be used there"
    UnknownChange "unknown-change" "a name leads to no change of a scenario"
    UnknownSemaphore "unknown-semaphore" "a name leads to no semaphore"
    NameTaken "name-taken" "a job is declared twice"
    TooMany "too-many" "a list or a map is longer than it may be"
    MatrixSize "matrix-size" "a job's matrix has no or too many combinations"
    RaisesRights "raises-rights" "a repo's own file sets what only `crossgate.yaml` may grant"
    ForeignDriver "foreign-driver" "a repo's own file describes a driver of another repo"
    WrongRole "wrong-role" "a repo's role does not go with what is declared for it"
    RepoCycle "repo-cycle" "repos depend on each other"
    JobCycle "job-cycle" "jobs need each other"
    NoSanityDriver "no-sanity-driver" "no driver always gates the changes of a common repo"
    SanityNotBehind "sanity-not-behind" "a sanity driver does not depend on the repo it is to guard"
    SanityWithoutJobs "sanity-without-jobs" "a sanity driver has nothing to run"
    StepTemplate "step-template" "a step does not render"
    ExpiredOptIn "expired-opt-in" "an opt-in has ended (a warning)"
    RepoWithoutDriver "repo-without-driver" "a driver repo holds no driver (a warning)"
    DriverWithoutJobs "driver-without-jobs" "a driver stands before common changes but runs nothing for them (a warning)"
    MoreProblems "more-problems" "there was more to say than is kept"
}
