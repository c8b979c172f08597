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
use crate::openapi::ApiDoc;
use crate::predictor::Predictor;
use crate::routes::{info, predict_img, predictions, viewer};
use crate::settings::Settings;
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
        Self { settings, store, admission, predictor, health, http_metrics }
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

/// Routes that are not in the OpenAPI description.
const UNDESCRIBED: [&str; 4] = ["/", "/predict-img", "/docs", "/openapi.json"];

/// Returns all routes with their middleware.
///
/// # Errors
/// [`Failure::Usage`] if the health route of the platform is already another route.
pub fn router(app: Arc<App>) -> Result<Router, Failure> {
    let service: Arc<dyn Service> = Arc::<App>::clone(&app);
    let (routes, api) = OpenApiRouter::with_openapi(ApiDoc::openapi())
        .routes(routes!(predict_img::predict_img))
        .routes(routes!(predictions::record))
        .routes(routes!(predictions::mask))
        .merge(bcs_service::routes::router(Arc::clone(&service)))
        .routes(routes!(info::info))
        .split_for_parts();
    let routes = match platform_route(app.settings.server.health_route.as_deref(), &api)? {
        Some(route) => {
            routes.merge(Router::new().route(route, get(bcs_service::routes::ready)).with_state(service))
        }
        None => routes,
    };
    let routes = routes
        .route("/predict-img", post(predict_img::predict_img))
        .route("/", get(viewer::viewer))
        .merge(SwaggerUi::new("/docs").url("/openapi.json", api))
        // `upload::receive` has its own limit.
        .layer(DefaultBodyLimit::disable());
    let metrics = app.http_metrics.clone();
    Ok(server::with_layers(routes.with_state(app), &metrics))
}

/// Returns the route to add at which the platform probes readiness; `None` if there is none or it exists already.
fn platform_route<'a>(
    route: Option<&'a str>,
    api: &utoipa::openapi::OpenApi,
) -> Result<Option<&'a str>, Failure> {
    match route {
        // `/health` responds as `/ready` if it is the route of the platform.
        None | Some("/ready" | "/health") => Ok(None),
        Some(route) if api.paths.paths.contains_key(route) || UNDESCRIBED.contains(&route) => {
            Err(Failure::usage(format!(
                "the health route (AIP_HEALTH_ROUTE) is '{route}', which is another route of this server; use /ready \
                 or an unused path"
            )))
        }
        route => Ok(route),
    }
}
