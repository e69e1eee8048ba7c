//! Checksums that a sender gives along.

use sha2::digest::Digest;

/// How a checksum is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// MD5: finds accidents, not fakes.
    Md5,
    /// SHA-1: finds accidents, not fakes.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha512, Self::Md5];

    /// The name that tus has for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Reads a name, as tus (`sha256`) or HTTP (`SHA-256`) writes it.
    pub fn parse(name: &str) -> Option<Self> {
        let plain = name.replace('-', "");
        let plain = if plain.eq_ignore_ascii_case("sha") { "sha1" } else { &plain };
        Self::ALL.into_iter().find(|one| one.as_str().eq_ignore_ascii_case(plain))
    }

    /// How many bytes its checksums have.
    pub const fn length(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// What a content's checksum must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    algorithm: Algorithm,
    expected: Vec<u8>,
}

impl Checksum {
    /// `None` when an algorithm's checksums have another length.
    pub fn new(algorithm: Algorithm, expected: Vec<u8>) -> Option<Self> {
        (expected.len() == algorithm.length()).then_some(Self { algorithm, expected })
    }
}

enum Running {
    Md5(md5::Md5),
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
    Sha512(sha2::Sha512),
}

/// Computes a checksum while bytes pass.
pub(super) struct Check {
    running: Running,
    expected: Vec<u8>,
}

impl Check {
    pub fn of(checksum: Checksum) -> Self {
        let running = match checksum.algorithm {
            Algorithm::Md5 => Running::Md5(md5::Md5::new()),
            Algorithm::Sha1 => Running::Sha1(sha1::Sha1::new()),
            Algorithm::Sha256 => Running::Sha256(sha2::Sha256::new()),
            Algorithm::Sha512 => Running::Sha512(sha2::Sha512::new()),
        };
        Self { running, expected: checksum.expected }
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        match &mut self.running {
            Running::Md5(hash) => hash.update(bytes),
            Running::Sha1(hash) => hash.update(bytes),
            Running::Sha256(hash) => hash.update(bytes),
            Running::Sha512(hash) => hash.update(bytes),
        }
    }

    pub fn holds(self) -> bool {
        let found = match self.running {
            Running::Md5(hash) => hash.finalize().to_vec(),
            Running::Sha1(hash) => hash.finalize().to_vec(),
            Running::Sha256(hash) => hash.finalize().to_vec(),
            Running::Sha512(hash) => hash.finalize().to_vec(),
        };
        found == self.expected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_holds_for_its_content_alone() {
        let sums = [
            (Algorithm::Md5, "900150983cd24fb0d6963f7d28e17f72"),
            (Algorithm::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (Algorithm::Sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ];
        for (algorithm, digits) in sums {
            let bytes = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap());
            let checksum = Checksum::new(algorithm, bytes.collect()).unwrap();
            for (content, expected) in [("abc", true), ("abd", false)] {
                let mut check = Check::of(checksum.clone());
                content.bytes().for_each(|byte| check.feed(&[byte]));
                assert_eq!(check.holds(), expected, "{algorithm:?} {content}");
            }
        }
        assert_eq!(Checksum::new(Algorithm::Md5, vec![0; 20]), None);
    }

    #[test]
    fn names_are_of_tus_and_of_http() {
        for (name, algorithm) in [
            ("sha1", Some(Algorithm::Sha1)),
            ("SHA", Some(Algorithm::Sha1)),
            ("sha-256", Some(Algorithm::Sha256)),
            ("SHA-512", Some(Algorithm::Sha512)),
            ("MD5", Some(Algorithm::Md5)),
            ("crc32", None),
            ("", None),
        ] {
            assert_eq!(Algorithm::parse(name), algorithm, "{name}");
        }
    }
}
