//! State shared by all requests, and the router.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use bcs_imaging::Limits;
use bcs_inference::Inference;
use bcs_service::health::State;
use bcs_service::routes::Service;
use bcs_service::{Admission, Failure, Health, Metrics, Problem, server};
use bcs_storage::Store;
use prometheus::IntGauge;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::SwaggerUi;

use crate::error::Error;
use crate::metrics::PredictionMetrics;
use crate::openapi::{self, ApiDoc};
use crate::predictor::Predictor;
use crate::routes::{info, label, predict, predict_img, predictions, viewer};
use crate::settings::Settings;
use crate::source_object::SourceObjects;
use crate::workers::Workers;

/// Time in which the store must answer for the server to be ready: platforms wait for 10 s.
const READY_TIME: Duration = Duration::from_secs(5);

/// State shared by all requests.
pub struct App {
    /// Settings.
    pub settings: Settings,
    /// Store of the predictions.
    pub store: Arc<dyn Store>,
    /// Admission of requests.
    pub admission: Admission,
    /// Segments images.
    pub predictor: Predictor,
    /// Readiness of the model.
    pub health: Health,
    /// HTTP metrics.
    pub http_metrics: Metrics,
    /// Images in buckets.
    pub source_objects: SourceObjects,
}

impl App {
    /// Creates the state from its parts. `metrics` are those of predictions, registered with `http_metrics`.
    pub fn new(
        settings: Settings,
        store: Arc<dyn Store>,
        inference: Inference,
        health: Health,
        http_metrics: Metrics,
        metrics: PredictionMetrics,
    ) -> Self {
        let workers = Workers::new(settings.limits.workers());
        let limits = Limits { max_pixels: settings.limits.max_pixels };
        let window = (&settings.window).into();
        let predictor = Predictor::new(inference, window, workers, limits, metrics);
        let admission = Admission::new(settings.limits.admission());
        let source_objects = SourceObjects::default();
        Self { settings, store, admission, predictor, health, http_metrics, source_objects }
    }
}

#[async_trait]
impl Service for App {
    async fn check_ready(&self) -> Result<(), Problem> {
        match self.health.state() {
            State::Ready => {
                let store = self.store.until(Instant::now() + READY_TIME);
                store.check().await.map_err(|error| Error::Store(error).into())
            }
            state => Err(Error::NotReady(state).into()),
        }
    }

    fn metrics(&self) -> &Metrics {
        let (stats, in_use) = (self.predictor.inference.stats(), self.admission.in_use());
        let set = |gauge: &IntGauge, value: u64| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        let metrics = &self.predictor.metrics;
        set(&metrics.waiting, stats.images as u64);
        set(&metrics.windows_waiting, stats.windows as u64);
        set(&metrics.upload_bytes, in_use.upload_bytes);
        set(&metrics.pixel_bytes, in_use.pixel_bytes);
        &self.http_metrics
    }

    fn health_is_readiness(&self) -> bool {
        self.settings.server.health_route.as_deref() == Some("/health")
    }
}

/// Routes that need neither key nor ID token: the viewer and the documentation, which ask for one, and what platforms request.
const OPEN: [&str; 9] = [
    "/",
    "/viewer/{file}",
    "/viewer/example.png",
    "/docs",
    "/docs/",
    "/openapi.json",
    "/health",
    "/ready",
    "/metrics",
];

/// Returns all routes with their middleware.
///
/// # Errors
/// [`Failure::Usage`] if a route of the platform is already another route, and for invalid keys and origins.
pub fn router(app: Arc<App>) -> Result<Router, Failure> {
    let service: Arc<dyn Service> = Arc::<App>::clone(&app);
    let (routes, api) = OpenApiRouter::with_openapi(ApiDoc::openapi())
        .routes(routes!(predict_img::predict_img))
        .routes(routes!(predict::predict))
        .routes(routes!(predictions::record))
        .routes(routes!(predictions::mask))
        .routes(routes!(predictions::regions))
        .routes(routes!(label::label))
        .merge(bcs_service::routes::router(Arc::clone(&service)))
        .routes(routes!(info::info))
        .split_for_parts();
    let server = &app.settings.server;
    let (health, prediction) = (server.health_route.as_deref(), server.predict_route.as_deref());
    // `/health` responds as `/ready` if it is the route of the platform.
    let health = platform_route("AIP_HEALTH_ROUTE", health, ["/ready", "/health"], &api)?;
    let prediction = platform_route("AIP_PREDICT_ROUTE", prediction, ["/predict"; 2], &api)?;
    let guard = server.guard(OPEN.into_iter().chain(health).map(str::to_owned).collect())?;
    let mut routes = routes;
    if let Some(route) = health {
        routes =
            routes.merge(Router::new().route(route, get(bcs_service::routes::ready)).with_state(service));
    }
    if let Some(route) = prediction {
        routes = routes.route(route, post(predict::predict));
    }
    let api = openapi::with_credentials(api, &OPEN, &guard);
    let routes = routes
        .route("/predict-img", post(predict_img::predict_img))
        .route("/", get(viewer::viewer))
        .route("/viewer/{file}", get(viewer::file))
        .route("/viewer/example.png", get(viewer::example))
        .merge(SwaggerUi::new("/docs").url("/openapi.json", api))
        // `upload::receive` has its own limit.
        .layer(DefaultBodyLimit::disable());
    let metrics = app.http_metrics.clone();
    Ok(server::with_layers(routes.with_state(app), &metrics, guard))
}

/// Returns the route that a variable of the platform adds; `None` if there is none, or it is one of `own` that respond so
/// already.
fn platform_route<'a>(
    variable: &str,
    route: Option<&'a str>,
    own: [&str; 2],
    api: &utoipa::openapi::OpenApi,
) -> Result<Option<&'a str>, Failure> {
    match route {
        None => Ok(None),
        Some(route) if own.contains(&route) => Ok(None),
        Some(route) if is_taken(route, api) => Err(Failure::usage(format!(
            "{variable} is '{route}', which is another route of this server; use {} or an unused path",
            own[0]
        ))),
        route => Ok(route),
    }
}

/// Whether a route is another one of this server. The viewer, the documentation and the alias of `/predict-img/` are not in
/// the OpenAPI description.
fn is_taken(route: &str, api: &utoipa::openapi::OpenApi) -> bool {
    let folder = ["/viewer/", "/docs/"].iter().any(|folder| route.starts_with(folder));
    folder || route == "/predict-img" || OPEN.contains(&route) || api.paths.paths.contains_key(route)
}
