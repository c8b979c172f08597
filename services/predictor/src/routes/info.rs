//! `GET /info`: what answers here, and within which limits.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use bcs_inference::ModelInfo;
use bcs_service::health::State as Readiness;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;

/// What answers here.
#[derive(Debug, Serialize, ToSchema)]
pub struct Info {
    /// The version of this program.
    version: &'static str,
    /// Whether predictions are answered.
    #[serde(flatten)]
    readiness: Readiness,
    /// The model; null until it is open.
    model: Option<Model>,
    /// What a request may cost.
    limits: Limits,
}

/// A model.
#[derive(Debug, Serialize, ToSchema)]
struct Model {
    /// The name of the run that made it, or of its file.
    version: String,
    /// MONAI's name of the network, or `TorchScript`.
    architecture: String,
    /// The classes, in the order of the network's output.
    classes: Vec<Class>,
    /// Height and width of the window over larger images, in pixels.
    tile: [usize; 2],
    /// Height and width of the smallest image that is taken, in pixels.
    min_size: [usize; 2],
    /// Micrometres a pixel of the tiles trained on, where known.
    mpp: Option<f64>,
    /// Whether drift is scored: the model brings a reference.
    has_reference: bool,
    /// What it runs on: `cpu`, `cuda:0`.
    device: String,
}

/// A tissue class.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TissueClass)]
struct Class {
    /// The byte that stands for it in a mask.
    code: u8,
    /// Its name.
    name: String,
    /// Its colour, as `#rrggbb`.
    #[schema(pattern = "^#[0-9a-f]{6}$")]
    color: String,
}

/// What a request may cost.
#[derive(Debug, Serialize, ToSchema)]
struct Limits {
    /// Of one upload.
    max_upload_bytes: u64,
    /// Width × height of one image.
    max_pixels: u64,
    /// Images that wait for the model.
    queue: usize,
}

impl From<&ModelInfo> for Model {
    fn from(model: &ModelInfo) -> Self {
        let class = |class: &bcs_contracts::TissueClass| Class {
            code: class.code,
            name: class.name.clone(),
            color: class.color.to_string(),
        };
        Self {
            version: model.version.clone(),
            architecture: model.architecture.clone(),
            classes: model.classes.iter().map(class).collect(),
            tile: model.tile,
            min_size: model.min_size,
            mpp: model.mpp,
            has_reference: model.reference.is_some(),
            device: model.device.clone(),
        }
    }
}

/// What answers here, and within which limits
#[utoipa::path(
    get,
    path = "/info",
    tag = "service",
    responses((status = 200, description = "The program, its model and its limits", body = Info,
        example = json!({
            "version": "0.1.0",
            "status": "ready",
            "model": {
                "version": "train-2026-01-30_09-15-00", "architecture": "UNet",
                "classes": [
                    {"code": 0, "name": "other", "color": "#999999"},
                    {"code": 1, "name": "tumour", "color": "#d55e00"}
                ],
                "tile": [224, 224], "min_size": [16, 16], "mpp": 0.25, "has_reference": true, "device": "cpu"
            },
            "limits": {"max_upload_bytes": 33_554_432, "max_pixels": 100_000_000, "queue": 32}
        })))
)]
pub async fn info(State(app): State<Arc<App>>) -> Json<Info> {
    let limits = &app.settings.limits;
    Json(Info {
        version: env!("CARGO_PKG_VERSION"),
        readiness: app.health.state(),
        model: app.inference.info().map(|model| Model::from(model.as_ref())),
        limits: Limits {
            max_upload_bytes: limits.max_upload_bytes,
            max_pixels: limits.max_pixels,
            queue: limits.queue.get(),
        },
    })
}
