//! State shared by all requests, and the router.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use bcs_drift::novelty::Novelty;
use bcs_inference::{Inference, ModelInfo};
use bcs_service::health::State;
use bcs_service::routes::Service;
use bcs_service::{Admission, Failure, Health, Metrics, Problem, server};
use bcs_storage::Store;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::SwaggerUi;

use crate::error::Error;
use crate::metrics::PredictionMetrics;
use crate::openapi::ApiDoc;
use crate::record;
use crate::routes::{info, predict_img, predictions, viewer};
use crate::settings::Settings;
use crate::workers::Workers;

/// State shared by all requests.
pub struct App {
    /// Settings.
    pub settings: Settings,
    /// Store of the predictions.
    pub store: Arc<dyn Store>,
    /// Admission of requests.
    pub admission: Admission,
    /// Queue of the model.
    pub inference: Inference,
    /// Readiness of the model.
    pub health: Health,
    /// Pool for decoding and encoding.
    pub workers: Workers,
    /// HTTP metrics.
    pub http_metrics: Metrics,
    /// Prediction metrics.
    pub metrics: PredictionMetrics,
    novelty: OnceLock<Option<Novelty>>,
}

impl App {
    /// Creates the state, with all metrics at zero.
    ///
    /// # Errors
    /// [`Failure::Failed`] if two metrics have the same name, which is a bug.
    pub fn new(
        settings: Settings,
        store: Arc<dyn Store>,
        inference: Inference,
        health: Health,
    ) -> Result<Self, Failure> {
        let http_metrics = Metrics::new("bcs_predictor").map_err(Failure::failed)?;
        let metrics = PredictionMetrics::register(&http_metrics).map_err(Failure::failed)?;
        let workers = Workers::new(settings.limits.workers());
        let admission = Admission::new(settings.limits.admission());
        let novelty = OnceLock::new();
        Ok(Self { settings, store, admission, inference, health, workers, http_metrics, metrics, novelty })
    }

    /// Returns the novelty scorer of the model, created on the first call; `None` if the model has no drift reference.
    pub fn novelty(&self, model: &ModelInfo) -> Option<&Novelty> {
        self.novelty.get_or_init(|| record::novelty(model)).as_ref()
    }
}

#[async_trait]
impl Service for App {
    async fn check_ready(&self) -> Result<(), Problem> {
        match self.health.state() {
            State::Ready => self.store.check().await.map_err(|error| Error::Store(error).into()),
            state => Err(Error::NotReady(state).into()),
        }
    }

    fn metrics(&self) -> &Metrics {
        self.metrics.waiting.set(i64::try_from(self.inference.waiting()).unwrap_or(i64::MAX));
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
