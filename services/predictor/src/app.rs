//! What requests share, and the router over it.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use bcs_inference::Inference;
use bcs_service::{Health, Metrics, server};
use bcs_storage::Store;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::SwaggerUi;

use crate::failure::Failure;
use crate::metrics::PredictionMetrics;
use crate::openapi::Description;
use crate::routes::{health, info, metrics, predict_img, predictions, ready, viewer};
use crate::settings::Settings;
use crate::workers::Workers;

/// What requests share.
pub struct App {
    /// The configuration.
    pub settings: Settings,
    /// Where predictions go.
    pub store: Arc<dyn Store>,
    /// The model, behind its queue.
    pub inference: Inference,
    /// Whether it answers.
    pub health: Health,
    /// Where pixels are worked on.
    pub workers: Workers,
    /// What every server counts.
    pub http_metrics: Metrics,
    /// What is counted of predictions.
    pub metrics: PredictionMetrics,
}

impl App {
    /// Everything is handed in but the metrics, which begin at zero.
    ///
    /// # Errors
    /// [`Failure::Failed`] where a metric's name is taken: a mistake of the program.
    pub fn new(
        settings: Settings,
        store: Arc<dyn Store>,
        inference: Inference,
        health: Health,
    ) -> Result<Self, Failure> {
        let http_metrics = Metrics::new("bcs_predictor").map_err(Failure::failed)?;
        let metrics = PredictionMetrics::register(&http_metrics).map_err(Failure::failed)?;
        let workers = Workers::new(settings.limits.workers());
        Ok(Self { settings, store, inference, health, workers, http_metrics, metrics })
    }
}

/// Routes that the description does not list.
const UNDESCRIBED: [&str; 4] = ["/", "/predict-img", "/docs", "/openapi.json"];

/// All routes with the layers that every server has.
///
/// # Errors
/// [`Failure::Usage`] where the platform's health route is one that means something else here.
pub fn router(app: Arc<App>) -> Result<Router, Failure> {
    let (routes, description) = OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(predict_img::predict_img))
        .routes(routes!(predictions::record))
        .routes(routes!(predictions::mask))
        .routes(routes!(health::health))
        .routes(routes!(ready::ready))
        .routes(routes!(info::info))
        .routes(routes!(metrics::metrics))
        .split_for_parts();
    let routes = with_platform_route(routes, &app, &description)?;
    let routes = routes
        .route("/predict-img", post(predict_img::predict_img))
        .route("/", get(viewer::viewer))
        .merge(SwaggerUi::new("/docs").url("/openapi.json", description))
        // Uploads are counted where they are read.
        .layer(DefaultBodyLimit::disable());
    let metrics = app.http_metrics.clone();
    Ok(server::with_layers(routes.with_state(app), &metrics))
}

/// Adds the route that a platform asks for readiness at.
fn with_platform_route(
    routes: Router<Arc<App>>,
    app: &App,
    description: &utoipa::openapi::OpenApi,
) -> Result<Router<Arc<App>>, Failure> {
    match app.settings.server.health_route.as_deref() {
        // There already; /health answers as /ready does where it is the platform's route.
        None | Some("/ready" | "/health") => Ok(routes),
        Some(route) if description.paths.paths.contains_key(route) || UNDESCRIBED.contains(&route) => {
            Err(Failure::usage(format!(
                "the health route (AIP_HEALTH_ROUTE) is '{route}', which means something else here; give /ready or \
                 one of your own"
            )))
        }
        Some(route) => Ok(routes.route(route, get(ready::ready))),
    }
}
