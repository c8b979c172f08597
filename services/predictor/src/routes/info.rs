//! `GET /info`: model, readiness and limits of the server.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use bcs_inference::Model as Opened;
use bcs_service::health::State as Readiness;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::render::Colormap;

/// Model, readiness and limits of the server.
#[derive(Debug, Serialize, ToSchema)]
pub struct Info {
    /// Version of the program.
    version: &'static str,
    /// Readiness.
    #[serde(flatten)]
    readiness: Readiness,
    /// The model; null until it is loaded.
    model: Option<Model>,
    /// Why the newest model at the path of the current one was refused; null if it was not.
    refused_model: Option<String>,
    /// Limits of a request.
    limits: Limits,
}

/// The model.
#[derive(Debug, Serialize, ToSchema)]
struct Model {
    /// Version of the model, as in `x-model-version` and in records.
    version: String,
    /// MONAI's class name of the network, or `TorchScript`.
    architecture: String,
    /// Tissue classes, in the order of the network's output channels.
    classes: Vec<Class>,
    /// Height and width in pixels of the sliding window over larger images.
    tile: [usize; 2],
    /// Minimum height and width of an image in pixels. Smaller images are refused with 422.
    min_size: [usize; 2],
    /// Resolution of the training tiles in µm/px, where known.
    mpp: Option<f64>,
    /// Whether the model has a drift reference, so that predictions have a drift score.
    has_reference: bool,
    /// Device that runs the model: `cpu`, `cuda:0`, …
    device: String,
    /// Library that runs the model: `libtorch` or `openvino`.
    engine: &'static str,
}

/// A tissue class.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TissueClass)]
struct Class {
    /// Value of the class in masks.
    code: u8,
    /// Name of the class.
    name: String,
    /// Colour of the class, as `#rrggbb`.
    #[schema(pattern = "^#[0-9a-f]{6}$")]
    color: String,
    /// Colour of the class in overlays without `colormap`, as `#rrggbb`; null for a class that is not tinted.
    #[schema(required, pattern = "^#[0-9a-f]{6}$")]
    overlay: Option<String>,
}

/// Limits of a request.
#[derive(Debug, Serialize, ToSchema)]
struct Limits {
    /// Maximum size of an upload in bytes.
    max_upload_bytes: u64,
    /// Maximum width × height of an image.
    max_pixels: u64,
    /// Maximum number of images waiting for the model.
    queue: usize,
}

impl From<&Opened> for Model {
    fn from(opened: &Opened) -> Self {
        let model = &opened.info;
        // The default colour map is built in.
        let overlay = Colormap::default().palette(&model.classes).unwrap_or_default();
        let class = |(at, class): (usize, &bcs_contracts::TissueClass)| Class {
            code: class.code,
            name: class.name.clone(),
            color: class.color.to_string(),
            overlay: overlay.get(at).copied().flatten().map(|color| color.to_string()),
        };
        Self {
            version: model.version.clone(),
            architecture: model.architecture.clone(),
            classes: model.classes.iter().enumerate().map(class).collect(),
            tile: model.tile,
            min_size: model.min_size,
            mpp: model.mpp,
            has_reference: opened.reference.is_some(),
            device: model.device.clone(),
            engine: model.engine,
        }
    }
}

/// Model, readiness and limits
#[utoipa::path(
    get,
    path = "/info",
    tag = "service",
    responses((status = 200, description = "Model, readiness and limits of the server", body = Info,
        example = json!({
            "version": "0.1.0",
            "status": "ready",
            "model": {
                "version": "train-2026-01-30_09-15-00-epoch=07-1f2e3d4c", "architecture": "UNet",
                "classes": [
                    {"code": 0, "name": "other", "color": "#999999", "overlay": null},
                    {"code": 1, "name": "tumour", "color": "#d55e00", "overlay": "#004529"}
                ],
                "tile": [224, 224], "min_size": [16, 16], "mpp": 0.25, "has_reference": true, "device": "cpu",
                "engine": "openvino"
            },
            "refused_model": null,
            "limits": {"max_upload_bytes": 33_554_432, "max_pixels": 100_000_000, "queue": 32}
        })))
)]
pub async fn info(State(app): State<Arc<App>>) -> Json<Info> {
    let limits = &app.settings.limits;
    Json(Info {
        version: env!("CARGO_PKG_VERSION"),
        readiness: app.health.state(),
        model: app.predictor.inference.current().map(|model| Model::from(model.model().as_ref())),
        refused_model: app.predictor.inference.refused(),
        limits: Limits {
            max_upload_bytes: limits.max_upload_bytes,
            max_pixels: limits.max_pixels,
            queue: limits.queue.get(),
        },
    })
}
