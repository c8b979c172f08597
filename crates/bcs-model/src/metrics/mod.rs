//! Segmentation metrics of class masks: MONAI's, by its names, and the score that selects a checkpoint.
//!
//! Each of MONAI's metrics is an accumulator: `add` takes an image, `aggregate` reduces the values of the images by a
//! [`Reduction`], `pooled` scores the data set as a whole, and `reset` begins anew. A new one is a file here.

mod confusion;
mod confusion_matrix;
mod confusion_matrix_metric;
mod confusion_score;
mod dice_metric;
mod distance_transform;
mod generalized_dice_score;
mod hausdorff_distance_metric;
mod mean_iou;
mod overlap;
mod overlap_metric;
mod reduction;
mod surface;
mod surface_dice_metric;
mod surface_distance_metric;
mod val_metric;

pub use confusion_matrix::ConfusionMatrix;
pub use confusion_matrix_metric::{ConfusionMatrixMetric, ReductionOrder};
pub use confusion_score::ConfusionScore;
pub use dice_metric::{Dice, DiceMetric};
pub use generalized_dice_score::{GeneralizedDiceOptions, GeneralizedDiceScore, WeightType};
pub use hausdorff_distance_metric::{HausdorffDistanceMetric, HausdorffOptions};
pub use mean_iou::{Iou, MeanIoU};
pub use overlap::{Overlap, OverlapScores};
pub use overlap_metric::{OverlapMetric, OverlapOptions};
pub use reduction::{Reduced, Reduction};
pub use surface_dice_metric::SurfaceDiceMetric;
pub use surface_distance_metric::{SurfaceDistanceMetric, SurfaceDistanceOptions};
pub use val_metric::ValMetric;
