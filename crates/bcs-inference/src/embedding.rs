//! Embedding of an image of several windows.

use bcs_contracts::features::{EMBEDDING_LENGTH, Embedding};

/// Mean of the embeddings of the windows of an image, or of its views.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct MeanEmbedding {
    sum: [f64; EMBEDDING_LENGTH],
    count: u32,
}

impl MeanEmbedding {
    /// Adds the embedding of a window, if the model gives one.
    pub(crate) fn add(&mut self, embedding: Option<&Embedding>) {
        let Some(embedding) = embedding else { return };
        self.sum.iter_mut().zip(embedding).for_each(|(sum, value)| *sum += f64::from(*value));
        self.count += 1;
    }

    /// Returns the mean; `None` if nothing was added.
    pub(crate) fn finish(self) -> Option<Embedding> {
        (self.count > 0).then(|| self.sum.map(|sum| (sum / f64::from(self.count)) as f32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_that_of_the_windows_that_have_one() {
        let mut mean = MeanEmbedding::default();
        assert_eq!(mean.finish(), None);
        mean.add(None);
        mean.add(Some(&[1.0; EMBEDDING_LENGTH]));
        mean.add(Some(&[4.0; EMBEDDING_LENGTH]));
        assert_eq!(mean.finish(), Some([2.5; EMBEDDING_LENGTH]));
    }
}
