//! File names for ids, which may hold anything but white space.

use std::fmt::Write as _;

/// The longest name that is spelled out; a file name may have 255 bytes, and endings are added.
const SPELLED_OUT: usize = 160;

/// Returns a name that is safe as part of a path, readable, and different for different ids.
pub(crate) fn file_name(id: &str) -> String {
    let mut name = String::new();
    for byte in id.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            _ => write!(name, "%{byte:02x}").expect("a string takes all"),
        }
    }
    if name.len() > SPELLED_OUT {
        name.truncate(SPELLED_OUT);
        write!(name, "~{:032x}", digest(id)).expect("a string takes all");
    }
    name
}

/// FNV-1a over 128 bits, by Fowler, Noll and Vo: stable over versions of everything.
fn digest(id: &str) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    id.bytes().fold(OFFSET, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_directory() {
        assert_eq!(file_name("i-1_A"), "i-1_A");
        assert_eq!(file_name(".."), "%2e%2e");
        assert_eq!(file_name("../a%é"), "%2e%2e%2fa%25%c3%a9");
    }

    #[test]
    fn long_names_are_cut_and_differ() {
        let (one, two) = ("é".repeat(254) + "1", "é".repeat(254) + "2");
        let names = [file_name(&one), file_name(&two)];
        assert_ne!(names[0], names[1]);
        assert!(names.iter().all(|name| name.len() < 200), "{names:?}");
    }

    #[test]
    fn the_digest_is_the_published_one() {
        // From the test vectors of draft-eastlake-fnv.
        assert_eq!(digest(""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(digest("a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
    }
}
