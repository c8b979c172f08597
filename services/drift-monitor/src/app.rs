//! State shared by all requests, and the router.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::get;
use bcs_service::guard::tokens::{self, IdTokens};
use bcs_service::health::State;
use bcs_service::routes::Service;
use bcs_service::{Failure, Guard, Health, Metrics, Problem, server};
use jiff::Timestamp;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::SwaggerUi;

use crate::error::Error;
use crate::metrics::RunMetrics;
use crate::monitor::Monitor;
use crate::openapi::ApiDoc;
use crate::routes::{accept, baselines, home, report, reports, run, runs, to_label};

/// Maximum size of a request body in bytes: a few names and dates.
const MAX_BODY_BYTES: usize = 64 << 10;

/// State shared by all requests.
pub struct App {
    /// Runs comparisons and stores reports.
    pub monitor: Arc<Monitor>,
    /// Whether the server is stopping.
    pub health: Health,
    /// HTTP metrics.
    pub http_metrics: Metrics,
    /// Run metrics.
    pub metrics: RunMetrics,
}

impl App {
    /// Creates the state, with all metrics at zero.
    ///
    /// # Errors
    /// [`Failure::Failed`] if two metrics have the same name, which is a bug.
    pub fn new(monitor: Arc<Monitor>, health: Health) -> Result<Self, Failure> {
        let http_metrics = Metrics::new("bcs_drift_monitor").map_err(Failure::failed)?;
        let metrics = RunMetrics::register(&http_metrics).map_err(Failure::failed)?;
        Ok(Self { monitor, health, http_metrics, metrics })
    }
}

#[async_trait]
impl Service for App {
    async fn check_ready(&self) -> Result<(), Problem> {
        if self.health.state() == State::Stopping {
            return Err(Error::Stopping.into_problem());
        }
        self.monitor.check(Timestamp::now()).await.map_err(Error::into_problem)
    }

    fn metrics(&self) -> &Metrics {
        &self.http_metrics
    }
}

/// Returns all routes with their middleware. Routes that change something need one of the `tokens`, if there are any.
pub fn router(app: Arc<App>, tokens: Option<Arc<IdTokens>>) -> Router {
    let service: Arc<dyn Service> = Arc::<App>::clone(&app);
    let mut protected = OpenApiRouter::new().routes(routes!(run::run)).routes(routes!(accept::accept));
    if let Some(tokens) = tokens {
        protected = protected.route_layer(middleware::from_fn_with_state(tokens, tokens::require));
    }
    let (routes, api) = OpenApiRouter::with_openapi(ApiDoc::openapi())
        .merge(protected)
        .routes(routes!(reports::reports))
        .routes(routes!(report::report))
        .routes(routes!(to_label::to_label))
        .routes(routes!(runs::state))
        .routes(routes!(baselines::baselines))
        .merge(bcs_service::routes::router(service))
        .split_for_parts();
    let routes = routes
        .route("/", get(home::home))
        .merge(SwaggerUi::new("/docs").url("/openapi.json", api))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES));
    let metrics = app.http_metrics.clone();
    server::with_layers(routes.with_state(app), &metrics, Guard::default())
}
