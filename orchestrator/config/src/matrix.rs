//! A job's matrix: one job for each combination of its values.

use std::collections::BTreeMap;

use crossgate_core::ids::JobName;
use crossgate_core::workspace::variable;

use crate::code::Code;
use crate::field::Field;
use crate::merge::DeclaredJob;
use crate::problems::Problems;

/// Most combinations of one job.
const MAX_VARIANTS: usize = 64;

/// A job's name and the values it stands for.
pub(crate) type Variant = (JobName, BTreeMap<String, String>);

/// Names a job's combinations; one without a matrix is the only one. Empty if the matrix is wrong, which is recorded.
pub(crate) fn expand(name: &JobName, declared: &DeclaredJob, problems: &Problems) -> Vec<Variant> {
    if name.as_str() != name.base() {
        let message = format!("expected a name without values, found `{name}`");
        problems
            .error(Code::InvalidValue, declared.at, message)
            .hint("values come from the job's `matrix`".to_owned());
        return Vec::new();
    }
    let Some(matrix) = declared.job.matrix.as_ref() else { return vec![(name.clone(), BTreeMap::new())] };
    let lists = matrix.value.0.iter().filter_map(|(_, values)| values.as_ref());
    let count = lists.fold(1_usize, |product, values| product.saturating_mul(values.value.len()));
    if count > MAX_VARIANTS || count == 0 {
        let hint = (count == 0).then(|| "remove the key that has no values".to_owned());
        problems
            .error(Code::MatrixSize, matrix.at, format!("{count} combinations: expected 1 to {MAX_VARIANTS}"))
            .hint(hint);
        return Vec::new();
    }
    let mut variables = BTreeMap::new();
    for (key, _) in &matrix.value.0 {
        if let Some(other) = variables.insert(variable(&key.value), &key.value) {
            let message = format!("`{other}` and `{}` would be the same variable of the steps", key.value);
            problems.error(Code::InvalidValue, key.at, message).hint("rename one of them".to_owned());
            return Vec::new();
        }
    }
    let mut rows = vec![BTreeMap::new()];
    for (key, values) in &matrix.value.0 {
        let values = values.as_ref().map_or(&[][..], |values| &values.value);
        let values = values.iter().filter_map(Field::as_ref).map(|value| &value.value);
        let with = |row: &BTreeMap<String, String>, value: &String| {
            let mut row = row.clone();
            row.insert(key.value.clone(), value.clone());
            row
        };
        rows = rows.iter().flat_map(|row| values.clone().map(move |value| with(row, value))).collect();
    }
    rows.into_iter().filter_map(|row| Some((variant(name, &row, declared, problems)?, row))).collect()
}

fn variant(
    name: &JobName,
    row: &BTreeMap<String, String>,
    declared: &DeclaredJob,
    problems: &Problems,
) -> Option<JobName> {
    let plain = |value: &String| !value.is_empty() && !value.contains([',', '[', ']', '=']);
    let pairs: Vec<String> = row.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let text = if pairs.is_empty() { name.to_string() } else { format!("{name}[{}]", pairs.join(",")) };
    let parsed = JobName::parse(&text).ok().filter(|_| row.values().all(plain));
    if parsed.is_none() {
        let at = declared.job.matrix.as_ref().map_or(declared.at, |matrix| matrix.at);
        problems
            .error(Code::InvalidValue, at, format!("`{}` is not a job name", crate::tree::clipped(&text)))
            .hint("values have no white space, `,`, `=` or brackets; keys are plain names".to_owned());
    }
    parsed
}
