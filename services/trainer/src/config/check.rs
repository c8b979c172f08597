//! Ranges that the types do not express.

use bcs_data::split::By;
use bcs_model::optim::{Algorithm, Schedule};

use super::types::{Config, Limit, TrainHyp};
use crate::error::{Error, Result};

/// Checks the ranges of all values.
///
/// # Errors
/// [`Error::Usage`] with the configuration key, its value and the valid range.
pub(super) fn check(config: &Config) -> Result<()> {
    let hyp = &config.train_hyp;
    for (key, value) in [
        ("train_hyp.max_epochs", hyp.max_epochs),
        ("train_hyp.training_batch_size", hyp.training_batch_size),
        ("train_hyp.validation_batch_size", hyp.validation_batch_size),
    ] {
        require(value > 0, || format!("{key} is {value}; it must be at least 1"))?;
    }
    let rate = hyp.learning_rate;
    require(rate > 0.0 && rate.is_finite(), || {
        format!("train_hyp.learning_rate is {rate}; it must be above 0")
    })?;
    match hyp.limit_train_batches {
        Some(Limit::Count(count)) => require(count > 0, || {
            "train_hyp.limit_train_batches is 0; give at least one batch, or 1.0 for all".to_owned()
        })?,
        Some(Limit::Fraction(fraction)) => require(fraction > 0.0 && fraction <= 1.0, || {
            format!("train_hyp.limit_train_batches is {fraction}; a fraction must be in (0, 1]")
        })?,
        None => {}
    }
    check_optimization(hyp)?;
    if let Some(weights) = &hyp.deep_supervision.weights {
        require(weights.iter().all(|weight| *weight >= 0.0 && weight.is_finite()), || {
            format!("train_hyp.deep_supervision.weights is {weights:?}; weights must be at least 0")
        })?;
    }
    if let Some(mpp) = config.data.mpp {
        require(mpp > 0.0 && mpp.is_finite(), || format!("data.mpp is {mpp}; it must be above 0"))?;
    }
    require(config.data.stream.buffer > 0, || "data.stream.buffer is 0; it must be at least 1".to_owned())?;
    require(config.data.train_shards.is_none() || config.data.split == By::Folder, || {
        "data.train_shards has training tiles only; choose data.split=folder, and pack what is not held out"
            .to_owned()
    })?;
    if let Some(augmentation) = &config.augmentation {
        augmentation.check()?;
    }
    Ok(())
}

fn check_optimization(hyp: &TrainHyp) -> Result<()> {
    let named = |error: bcs_model::Error| Error::Usage(format!("train_hyp.{error}"));
    if let Some(decay) = hyp.weight_decay {
        require(decay >= 0.0 && decay.is_finite(), || {
            format!("train_hyp.weight_decay is {decay}; it must be at least 0")
        })?;
    }
    Algorithm::new(&hyp.optimizer, hyp.weight_decay, &hyp.optimizer_arguments).map_err(named)?;
    Schedule::new(&hyp.scheduler, &hyp.scheduler_arguments).map_err(named)?;
    for (key, value) in [
        ("accumulate_grad_batches", Some(hyp.accumulate_grad_batches)),
        ("log_every_n_steps", Some(hyp.log_every_n_steps)),
        ("max_steps", hyp.max_steps),
        ("early_stopping_patience", hyp.early_stopping_patience),
        ("checkpoint.every_n_train_steps", hyp.checkpoint.every_n_train_steps),
        ("checkpoint.keep_last", Some(hyp.checkpoint.keep_last)),
        ("checkpoint.save_top_k", Some(hyp.checkpoint.save_top_k)),
    ] {
        require(value != Some(0), || format!("train_hyp.{key} is 0; it must be at least 1"))?;
    }
    let bucket = hyp.distributed.bucket_mb;
    require(bucket > 0.0 && bucket.is_finite(), || {
        format!("train_hyp.distributed.bucket_mb is {bucket}; it must be above 0")
    })?;
    require(hyp.distributed.timeout_seconds > 0, || {
        "train_hyp.distributed.timeout_seconds is 0; it must be at least 1".to_owned()
    })?;
    if let Some(value) = hyp.gradient_clip_val {
        require(value > 0.0, || format!("train_hyp.gradient_clip_val is {value}; it must be above 0"))?;
    }
    if let Some(decay) = hyp.ema_decay {
        require((0.0..1.0).contains(&decay), || {
            format!("train_hyp.ema_decay is {decay}; it must be at least 0 and below 1, as 0.999")
        })?;
    }
    let delta = hyp.early_stopping_min_delta;
    require(delta >= 0.0, || format!("train_hyp.early_stopping_min_delta is {delta}; it must be at least 0"))
}

fn require(valid: bool, message: impl FnOnce() -> String) -> Result<()> {
    if valid { Ok(()) } else { Err(Error::Usage(message())) }
}
