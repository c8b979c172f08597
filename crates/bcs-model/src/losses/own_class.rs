//! Losses of the softmax probability of each pixel's own class: cross entropy and the focal loss.

use tch::{Kind, Tensor};

use super::batch::Batch;
use super::evaluated::Evaluated;
use crate::error::Error;

/// The log softmax over the included classes.
#[derive(Debug)]
pub(super) struct LogSoftmax {
    /// The first included channel.
    first: i64,
    /// `[N, C, H, W]` of the included classes.
    values: Tensor,
}

/// The value of a loss of log probabilities, and what its gradient needs.
#[derive(Debug)]
pub(super) struct PixelTerm {
    pub(super) value: Tensor,
    pub(super) log_softmax: LogSoftmax,
    pub(super) slope: Slope,
}

/// Derivatives of a loss by −log p of each pixel and class.
#[derive(Debug)]
pub(super) struct Slope {
    /// By that of the own class, `[N, H, W]`; 0 at pixels without an included class.
    pub(super) own: Tensor,
    /// By those of all classes in addition, with label smoothing.
    pub(super) uniform: Option<Uniform>,
}

/// Derivatives by all classes.
#[derive(Debug)]
pub(super) struct Uniform {
    /// Factor of each class.
    pub(super) weight: Vec<f64>,
    /// Factor of valid pixels, a scalar.
    pub(super) share: Tensor,
}

impl LogSoftmax {
    /// Computes the log softmax over the channels from `first`.
    pub(super) fn new(batch: &Batch, first: i64) -> Result<Self, Error> {
        let included = batch.logits.f_narrow(1, first, batch.channels() - first)?;
        Ok(Self { first, values: included.f_log_softmax(1, None::<Kind>)? })
    }

    /// Number of included channels.
    fn len(&self) -> i64 {
        self.values.size()[1]
    }

    /// Log probabilities of each included class, `[N, H, W]`.
    pub(super) fn classes(&self) -> impl Iterator<Item = Result<Tensor, Error>> {
        (0..self.len()).map(|class| Ok(self.values.f_select(1, class)?))
    }

    /// Log probability of the class of each pixel, `[N, H, W]`; 0 for pixels without an included class.
    pub(super) fn of_pixels(&self, batch: &Batch) -> Result<Tensor, Error> {
        let mut own = batch.zeros()?;
        for (channel, values) in (self.first..).zip(self.classes()) {
            own = own.f_addcmul_(&batch.truth(channel)?, &values?)?;
        }
        Ok(own)
    }

    /// Factor of the class of each pixel, `[N, H, W]`, from one per included class; 0 for pixels without an included class.
    pub(super) fn factors(&self, batch: &Batch, of_classes: &[f64]) -> Result<Tensor, Error> {
        let mut factors = batch.zeros()?;
        for (channel, factor) in (self.first..).zip(of_classes) {
            factors = factors.f_add_(&batch.truth(channel)?.f_mul_scalar_(*factor)?)?;
        }
        Ok(factors)
    }

    /// Turns the log probabilities into probabilities, in place.
    pub(super) fn into_probabilities(mut self) -> Result<Tensor, Error> {
        Ok(self.values.f_exp_()?)
    }
}

impl Slope {
    /// The sum over classes, `[N, H, W]`.
    pub(super) fn sum(&self, batch: &Batch) -> Result<Tensor, Error> {
        let Some(Uniform { weight, share }) = &self.uniform else { return Ok(self.own.shallow_clone()) };
        let total = share.f_mul_scalar(weight.iter().sum::<f64>())?;
        Ok(batch.valid.f_mul(&total)?.f_add_(&self.own)?)
    }

    /// Subtracts the slope of a class, counted from the first included one, from a map `[N, H, W]`.
    pub(super) fn subtract_from(
        &self,
        map: &mut Tensor,
        batch: &Batch,
        channel: i64,
        class: usize,
    ) -> Result<(), Error> {
        let _ = map.f_sub_(&batch.truth(channel)?.f_mul_(&self.own)?)?;
        if let Some(Uniform { weight, share }) = &self.uniform {
            let _ = map.f_sub_(&batch.valid.f_mul(&share.f_mul_scalar(weight[class])?)?)?;
        }
        Ok(())
    }
}

impl PixelTerm {
    /// Computes the gradient with respect to all logits: p Σ q − q for the slopes q.
    pub(super) fn finish(self, batch: &Batch) -> Result<Evaluated, Error> {
        let Self { value, log_softmax, slope } = self;
        if !batch.differentiate {
            return Ok(Evaluated { value, gradient: None });
        }
        let first = log_softmax.first;
        let probability = log_softmax.into_probabilities()?;
        let sum = slope.sum(batch)?;
        for (class, channel) in (first..batch.channels()).enumerate() {
            let mut gradient = probability.f_select(1, class as i64)?.f_mul_(&sum)?;
            slope.subtract_from(&mut gradient, batch, channel, class)?;
        }
        let gradient = match first {
            0 => probability,
            // Zeros for the background.
            _ => probability.f_constant_pad_nd([0, 0, 0, 0, first, 0])?,
        };
        Ok(Evaluated { value, gradient: Some(gradient) })
    }
}
