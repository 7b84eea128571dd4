//! "Did you mean": the nearest of the names that would have been right.

/// Below this likeness (Jaro-Winkler, 0 to 1) a suggestion would only puzzle.
const LIKENESS: f64 = 0.8;

/// Returns the candidate most like a name, if one is like it at all.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness >= LIKENESS)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_name_and_noise_finds_none() {
        let names = ["nova-common", "nova-driver-vmware", "nova-driver-libvirt"];
        assert_eq!(nearest("nova-comon", names), Some("nova-common"));
        assert_eq!(nearest("Nova-Driver-VMWare", names), Some("nova-driver-vmware"));
        assert_eq!(nearest("zebra", names), None);
        assert_eq!(nearest("x", []), None);
    }
}
