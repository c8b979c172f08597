//! Objects: contents under the names of their hashes.

use std::fmt;

/// Suffix of the hash of a directory.
const DIRECTORY: &str = ".dir";

/// Number of hexadecimal digits of an MD5.
const DIGITS: usize = 32;

/// How a content is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HashName {
    /// MD5 of the content, DVC 3.
    Md5,
    /// MD5 of the content, that of text with the line ends of Unix; DVC 2.
    Md5Dos2Unix,
}

/// Name of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// How the content is hashed.
    pub hash: HashName,
    /// The hash, 32 hexadecimal digits in lower case.
    md5: String,
    /// Whether the content is the list of the files of a directory.
    pub is_directory: bool,
}

impl ObjectId {
    /// Parses a hash as `.dvc` files have it: 32 hexadecimal digits, with `.dir` for directories. `None` for other texts.
    pub fn parse(text: &str, hash: HashName) -> Option<Self> {
        let (md5, is_directory) = text.strip_suffix(DIRECTORY).map_or((text, false), |md5| (md5, true));
        let valid = md5.len() == DIGITS && md5.bytes().all(|byte| byte.is_ascii_hexdigit());
        valid.then(|| Self { hash, md5: md5.to_ascii_lowercase(), is_directory })
    }

    /// Returns the hash, 32 hexadecimal digits in lower case.
    pub fn md5(&self) -> &str {
        &self.md5
    }

    /// Returns the key in a cache or remote: `files/md5/<first two digits>/<other digits>`, without `files/md5` for objects
    /// of DVC 2.
    pub fn key(&self) -> String {
        let folder = match self.hash {
            HashName::Md5 => "files/md5/",
            HashName::Md5Dos2Unix => "",
        };
        let (first, rest) = self.md5.split_at(2);
        format!("{folder}{first}/{rest}{}", self.suffix())
    }

    fn suffix(&self) -> &'static str {
        if self.is_directory { DIRECTORY } else { "" }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.md5, self.suffix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_both_layouts() {
        let md5 = "b84ee194ec3c44a456bc33f0ca2b8ff9";
        let key = |text: &str, hash| ObjectId::parse(text, hash).map(|object| object.key());
        assert_eq!(
            key(&format!("{md5}.dir"), HashName::Md5).unwrap(),
            "files/md5/b8/4ee194ec3c44a456bc33f0ca2b8ff9.dir"
        );
        assert_eq!(key(md5, HashName::Md5Dos2Unix).unwrap(), "b8/4ee194ec3c44a456bc33f0ca2b8ff9");
        for text in ["", "b84e", &md5[1..], &format!("../{}", &md5[3..]), &format!("{md5}0"), ".dir"] {
            assert_eq!(key(text, HashName::Md5), None, "{text}");
        }
    }
}
