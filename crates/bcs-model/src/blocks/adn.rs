//! `monai.networks.blocks.ADN`: activation, dropout and normalization in a given order.

use tch::nn::{Path, VarStore};
use tch::{Device, Tensor};

use super::{Activation, Block, LayerSpec, Norm};
use crate::arguments::in_range;
use crate::error::{Error, argument};

/// Arguments of an [`Adn`].
#[derive(Debug, Clone)]
pub struct AdnSpec {
    /// Order of activation (`A`), dropout (`D`) and normalization (`N`), in any case; a layer without its letter is
    /// left out, and a letter that stands twice counts where it stands first, as in MONAI.
    pub ordering: String,
    /// Activation type and arguments.
    pub act: LayerSpec,
    /// Normalization type and arguments.
    pub norm: LayerSpec,
    /// Dropout type and ratio.
    pub dropout: Dropout,
}

impl AdnSpec {
    /// Checks the arguments for inputs of `channels` channels, without drawing random numbers.
    ///
    /// # Errors
    /// As [`Adn::new`].
    pub fn check(&self, channels: i64) -> Result<(), Error> {
        self.scratch(channels).map(|_| ())
    }

    /// Returns whether the normalization refuses one image with a single pixel, as PyTorch does.
    ///
    /// # Errors
    /// As [`Adn::new`].
    pub fn refuses_single_pixel(&self, channels: i64, train: bool) -> Result<bool, Error> {
        let refuses = |part: &Part| matches!(part, Part::N(norm) if norm.refuses([1, channels, 1, 1], train));
        Ok(self.scratch(channels)?.parts.iter().any(refuses))
    }

    /// Returns whether the layers run together in training on a CPU, in one pass over memory.
    ///
    /// # Errors
    /// As [`Adn::new`].
    pub fn runs_together(&self, channels: i64) -> Result<bool, Error> {
        Ok(self.scratch(channels)?.instance_norm_prelu().is_some())
    }

    /// The layers, outside any network. Their parameters are constants: no random number is drawn.
    fn scratch(&self, channels: i64) -> Result<Adn, Error> {
        Adn::new(&VarStore::new(Device::Cpu).root(), self, channels)
    }
}

/// Dropout of single elements.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Dropout {
    /// No dropout.
    None,
    /// `torch.nn.Dropout` with this ratio.
    Plain(f64),
    /// `torch.nn.AlphaDropout` with this ratio.
    Alpha(f64),
}

impl Dropout {
    /// Reads MONAI's `dropout`: a ratio, a layer's name, its name and `p`, or null or an empty name for none.
    ///
    /// # Errors
    /// [`Error::Argument`] for another name and for a ratio outside [0, 1].
    pub fn parse(value: &serde_json::Value) -> Result<Self, Error> {
        if value.is_null() || value == "" {
            return Ok(Self::None);
        }
        let dropout = match value.as_f64() {
            Some(p) => Self::Plain(p),
            None => Self::layer(value)?,
        };
        if let Self::Plain(p) | Self::Alpha(p) = dropout {
            in_range("dropout", p, 0.0, 1.0)?;
        }
        Ok(dropout)
    }

    fn layer(value: &serde_json::Value) -> Result<Self, Error> {
        let spec = LayerSpec::try_from(value.clone()).map_err(|_| {
            argument("dropout", format!("is {value}; it must be a ratio in [0, 1] or a layer"))
        })?;
        let mut arguments = spec.arguments("dropout");
        let p = arguments.take("p", 0.5)?;
        arguments.take_inplace()?;
        arguments.finish()?;
        match spec.name().as_str() {
            "DROPOUT" => Ok(Self::Plain(p)),
            "ALPHADROPOUT" => Ok(Self::Alpha(p)),
            name => Err(argument("dropout", format!("is '{name}'; the layers are DROPOUT, ALPHADROPOUT"))),
        }
    }

    /// Runs dropout in training; in inference it is the identity.
    pub(crate) fn forward(self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        // Skips the call, which would return its input.
        if !train {
            return Ok(input.shallow_clone());
        }
        Ok(match self {
            Self::None => input.shallow_clone(),
            Self::Plain(p) => input.f_dropout(p, train)?,
            Self::Alpha(p) => input.f_alpha_dropout(p, train)?,
        })
    }
}

/// `monai.networks.blocks.ADN`
#[derive(Debug)]
pub struct Adn {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    A(Activation),
    D(Dropout),
    N(Norm),
}

impl Adn {
    /// Creates the layers for inputs of `channels` channels, with parameters under `path/A` and `path/N`.
    ///
    /// # Errors
    /// [`Error::Argument`] for an unknown letter, and for arguments that a layer refuses.
    pub fn new(path: &Path<'_>, spec: &AdnSpec, channels: i64) -> Result<Self, Error> {
        let mut letters: Vec<char> = Vec::new();
        for letter in spec.ordering.to_uppercase().chars() {
            if !letters.contains(&letter) {
                letters.push(letter);
            }
        }
        let part = |letter: &char| match letter {
            'A' => Ok(Part::A(Activation::new(&(path / "A"), &spec.act, channels)?)),
            'D' => Ok(Part::D(spec.dropout)),
            'N' => Ok(Part::N(Norm::new(&(path / "N"), &spec.norm, channels)?)),
            _ => Err(argument(
                "adn_ordering",
                format!("is '{}'; its letters must be A, D and N", spec.ordering),
            )),
        };
        Ok(Self { parts: letters.iter().map(part).collect::<Result<_, _>>()? })
    }

    /// Runs the layers and adds a residual, if there is one.
    ///
    /// # Errors
    /// As [`Block::forward`].
    pub(crate) fn forward_and_add(
        &self,
        input: &Tensor,
        residual: Option<&Tensor>,
        train: bool,
    ) -> Result<Tensor, Error> {
        if let (true, Some((norm, eps, slope))) = (train, self.instance_norm_prelu()) {
            norm.check(input, train)?;
            if let Some(output) = bcs_torch::instance_norm_prelu(input, slope, residual, eps)? {
                return Ok(output);
            }
        }
        let output = self.run(input, train)?;
        match residual {
            Some(residual) => Ok(output.f_add(residual)?),
            None => Ok(output),
        }
    }

    /// The normalization with its epsilon, and the slopes, if the layers in training are an instance normalization and a
    /// PReLU alone: [`bcs_torch::instance_norm_prelu`] runs them together.
    fn instance_norm_prelu(&self) -> Option<(&Norm, f64, &Tensor)> {
        match &self.parts[..] {
            [Part::N(norm), Part::A(Activation::PRelu { weight })]
            | [
                Part::N(norm),
                Part::D(Dropout::None | Dropout::Plain(0.0)),
                Part::A(Activation::PRelu { weight }),
            ] => Some((norm, norm.plain_instance()?, weight)),
            _ => None,
        }
    }

    fn run(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        self.parts.iter().try_fold(input.shallow_clone(), |x, part| match part {
            Part::A(activation) => activation.forward(&x, train),
            Part::D(dropout) => dropout.forward(&x, train),
            Part::N(norm) => norm.forward(&x, train),
        })
    }
}

impl Block for Adn {
    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        self.forward_and_add(input, None, train)
    }
}
