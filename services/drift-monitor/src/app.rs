//! What requests share, and the router over it.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use bcs_service::{Health, Metrics, server};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::SwaggerUi;

use crate::failure::Failure;
use crate::metrics::RunMetrics;
use crate::monitor::Monitor;
use crate::openapi::Description;
use crate::routes::{health, home, metrics, ready, report, reports, run};

/// Bytes of a request's body: some names and dates.
const MOST_BYTES: usize = 64 << 10;

/// What requests share.
pub struct App {
    /// What runs.
    pub monitor: Monitor,
    /// Whether it stops.
    pub health: Health,
    /// What every server counts.
    pub http_metrics: Metrics,
    /// What is counted of runs.
    pub metrics: RunMetrics,
}

impl App {
    /// Everything is handed in but the metrics, which begin at zero.
    ///
    /// # Errors
    /// [`Failure::Failed`] where a metric's name is taken: a mistake of the program.
    pub fn new(monitor: Monitor, health: Health) -> Result<Self, Failure> {
        let http_metrics = Metrics::new("bcs_drift_monitor").map_err(Failure::failed)?;
        let metrics = RunMetrics::register(&http_metrics).map_err(Failure::failed)?;
        Ok(Self { monitor, health, http_metrics, metrics })
    }
}

/// All routes with the layers that every server has.
pub fn router(app: Arc<App>) -> Router {
    let (routes, description) = OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(run::run))
        .routes(routes!(reports::reports))
        .routes(routes!(report::report))
        .routes(routes!(health::health))
        .routes(routes!(ready::ready))
        .routes(routes!(metrics::metrics))
        .split_for_parts();
    let routes = routes
        .route("/", get(home::home))
        .merge(SwaggerUi::new("/docs").url("/openapi.json", description))
        .layer(DefaultBodyLimit::max(MOST_BYTES));
    let metrics = app.http_metrics.clone();
    server::with_layers(routes.with_state(app), &metrics)
}
