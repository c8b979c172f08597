//! Tiles of a shard.

use std::io::Read;

use bcs_imaging::EXTENSIONS;
use serde::Deserialize;
use tar::Archive;

/// The encoded files of a tile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sample {
    /// Beginning of the names of its files, up to the first dot.
    pub key: String,
    /// Name of the tile; its key if it has none.
    pub name: String,
    /// Image file.
    pub image: Vec<u8>,
    /// Mask file.
    pub mask: Vec<u8>,
}

/// What a shard says of a tile besides its pixels.
#[derive(Debug, Deserialize)]
struct Description {
    name: String,
}

/// Reads the tiles of a shard as far as it is intact. Image files are named `KEY.image.png`, `KEY.png` or the like, masks
/// `KEY.mask.png` or `KEY.seg.png`; other files are passed over.
///
/// # Errors
/// What is wrong with the tar file, with the tiles before the damage.
pub fn samples(shard: &[u8]) -> Result<Vec<Sample>, (Vec<Sample>, String)> {
    let mut samples: Vec<Sample> = Vec::new();
    match read(shard, &mut samples) {
        Ok(()) => Ok(samples),
        Err(error) => Err((samples, error.to_string())),
    }
}

fn read(shard: &[u8], samples: &mut Vec<Sample>) -> std::io::Result<()> {
    for entry in Archive::new(shard).entries()? {
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let base = path.rfind('/').map_or(0, |slash| slash + 1);
        let Some((key, extension)) = path[base..].split_once('.').filter(|(key, _)| !key.is_empty()) else {
            continue;
        };
        let (key, extension) = (format!("{}{key}", &path[..base]), extension.to_lowercase());
        let mut content = Vec::with_capacity(usize::try_from(entry.size()).unwrap_or_default());
        entry.read_to_end(&mut content)?;
        if samples.last().is_none_or(|sample| sample.key != key) {
            samples.push(Sample { name: key.clone(), key, ..Sample::default() });
        }
        if let Some(sample) = samples.last_mut() {
            sample.add(&extension, content);
        }
    }
    Ok(())
}

impl Sample {
    fn add(&mut self, extension: &str, content: Vec<u8>) {
        let (kind, format) = extension.rsplit_once('.').unwrap_or(("image", extension));
        match (kind, EXTENSIONS.contains(&format)) {
            ("image", true) => self.image = content,
            ("mask" | "seg", true) => self.mask = content,
            _ if extension == "json" => {
                if let Ok(Description { name }) = serde_json::from_slice(&content) {
                    self.name = name;
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use tar::{Builder, Header};

    use super::*;

    fn shard(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = Builder::new(Vec::new());
        for (name, content) in files {
            let mut header = Header::new_ustar();
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, name, *content).unwrap();
        }
        tar.into_inner().unwrap()
    }

    #[test]
    fn files_of_one_key_are_a_tile() {
        let files: [(&str, &[u8]); 6] = [
            ("a/1.image.png", b"image"),
            ("a/1.mask.png", b"mask"),
            ("a/1.json", br#"{"name": "TCGA-A1-0001"}"#),
            ("readme", b"no tile"),
            ("2.jpg", b"image 2"),
            ("2.seg.png", b"mask 2"),
        ];
        let tiles = samples(&shard(&files)).unwrap();
        let [one, two] = &tiles[..] else { panic!("{tiles:?}") };
        assert_eq!((one.key.as_str(), one.name.as_str()), ("a/1", "TCGA-A1-0001"));
        assert_eq!((&one.image[..], &one.mask[..]), (&b"image"[..], &b"mask"[..]));
        assert_eq!(
            (two.name.as_str(), &two.image[..], &two.mask[..]),
            ("2", &b"image 2"[..], &b"mask 2"[..])
        );
    }

    #[test]
    fn a_shard_is_read_up_to_its_damage() {
        let files: [(&str, &[u8]); 2] = [("1.png", &[1; 600]), ("2.png", &[2; 600])];
        let shard = shard(&files);
        let (tiles, _) = samples(&shard[..2000]).unwrap_err();
        assert_eq!(tiles[0].image, [1; 600]);
        assert!(samples(&[7; 1024]).unwrap_err().0.is_empty());
    }
}
