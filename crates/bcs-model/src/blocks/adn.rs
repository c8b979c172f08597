//! `monai.networks.blocks.ADN`: activation, dropout and normalisation in a given order.

use tch::Tensor;
use tch::nn::Path;

use super::{Activation, Block, LayerSpec, Norm};
use crate::error::{Error, argument};

/// What an [`Adn`] is made of.
#[derive(Debug, Clone)]
pub struct AdnSpec {
    /// Letters of `A`, `D` and `N`, in any case and order; a part without its letter is left out.
    pub ordering: String,
    /// The activation.
    pub act: LayerSpec,
    /// The normalisation.
    pub norm: LayerSpec,
    /// The dropout.
    pub dropout: Dropout,
}

/// Dropout of single elements.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Dropout {
    /// `torch.nn.Dropout` with this probability.
    Plain(f64),
    /// `torch.nn.AlphaDropout` with this probability.
    Alpha(f64),
}

impl Dropout {
    /// As MONAI takes it: a probability, a name, or a name with `p`.
    ///
    /// # Errors
    /// [`Error::Argument`] for another name and a probability outside [0, 1].
    pub fn parse(value: &serde_json::Value) -> Result<Self, Error> {
        let dropout = if let Some(p) = value.as_f64() {
            Self::Plain(p)
        } else {
            let spec: LayerSpec = serde_json::from_value(value.clone())
                .map_err(|_| argument("dropout", format!("{value} is neither a probability nor a layer")))?;
            let mut arguments = spec.arguments();
            let p = arguments.take("p", 0.5)?;
            arguments.finish()?;
            match spec.name().as_str() {
                "DROPOUT" => Self::Plain(p),
                "ALPHADROPOUT" => Self::Alpha(p),
                name => {
                    let reason = format!("there is no dropout '{name}'; there are DROPOUT, ALPHADROPOUT");
                    return Err(argument("dropout", reason));
                }
            }
        };
        let (Self::Plain(p) | Self::Alpha(p)) = dropout;
        if !(0.0..=1.0).contains(&p) {
            return Err(argument("dropout", format!("the probability {p} is not in [0, 1]")));
        }
        Ok(dropout)
    }

    fn forward(self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        Ok(match self {
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
    /// Registers what the parts learn under `path/A` and `path/N`.
    ///
    /// # Errors
    /// [`Error::Argument`].
    pub fn new(path: &Path<'_>, spec: &AdnSpec, channels: i64) -> Result<Self, Error> {
        let part = |letter: char| match letter.to_ascii_uppercase() {
            'A' => Ok(Part::A(Activation::new(&(path / "A"), &spec.act)?)),
            'D' => Ok(Part::D(spec.dropout)),
            'N' => Ok(Part::N(Norm::new(&(path / "N"), &spec.norm, channels)?)),
            _ => Err(argument(
                "adn_ordering",
                format!("'{}' has letters other than A, D and N", spec.ordering),
            )),
        };
        Ok(Self { parts: spec.ordering.chars().map(part).collect::<Result<_, _>>()? })
    }
}

impl Block for Adn {
    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        self.parts.iter().try_fold(input.shallow_clone(), |x, part| match part {
            Part::A(activation) => activation.forward(&x, train),
            // Dropout does nothing outside training: not even a call.
            Part::D(dropout) if train => dropout.forward(&x, train),
            Part::D(_) => Ok(x),
            Part::N(norm) => norm.forward(&x, train),
        })
    }
}
