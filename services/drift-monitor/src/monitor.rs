//! One run: compares the records of a window with the drift reference and stores the report.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bcs_contracts::keys;
use bcs_contracts::record::FORMAT_VERSION;
use bcs_contracts::reference::ClassCalibration;
use bcs_drift::report::ShownImage;
use bcs_drift::sequential::OverTime;
use bcs_drift::{About, Preset};
use bcs_storage::{Bytes, Store};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use tokio::time::timeout_at;
use uuid::Uuid;

use crate::archive::{Archive, Found};
use crate::baseline::{Baseline, Package};
use crate::baselines::{Acceptance, Baselines};
use crate::comparison::{check_features, compare};
use crate::digest;
use crate::error::Error;
use crate::flights::{Flights, Landed};
use crate::history::{self, Window as History};
use crate::lease::{self, Claim};
use crate::log::log;
use crate::mark::{self, Mark};
use crate::quality::Quality;
use crate::records::{self, Records, Scope, Since, Wanted};
use crate::report::{Sources, StoredReport, Summary, trend};
use crate::report_id::{Content, report_id};
use crate::request::RunRequest;
use crate::selection::Selection;
use crate::settings::{self, Drift, Settings};
use crate::stores::Stores;
use crate::summaries::Summaries;
use crate::webhook::Webhook;
use crate::window::Window;

/// Time in which the buckets must answer for a run to count as possible: platforms wait for 10 s.
const CHECK_TIME: Duration = Duration::from_secs(5);

/// Key that no object has.
const NO_OBJECT: &str = "ready";

/// Compares predictions with the drift reference of their model.
pub struct Monitor {
    predictions: Arc<dyn Store>,
    /// Model package with the drift reference.
    pub package: Package,
    /// Stored reports.
    pub archive: Archive,
    /// Accepted baselines.
    pub baselines: Baselines,
    days: u32,
    zone: TimeZone,
    drift: Drift,
    webhook: Option<Webhook>,
    /// Address of the predictor.
    predictor: Option<String>,
    /// Runs in progress: concurrent requests for the same report share one.
    flights: Flights<Result<Run, Arc<Error>>>,
    /// Whether the records could be listed once.
    listed: AtomicBool,
}

/// What a run compares with what.
pub struct Plan {
    /// Id of the run, the same for a repeated request.
    pub id: String,
    selection: Selection,
    wanted: Wanted,
    features: Option<BTreeSet<String>>,
    baseline: Arc<Baseline>,
    /// Calibration of the model, which an accepted baseline does not have.
    calibration: Vec<ClassCalibration>,
    /// Summaries of the records, and the file they are from; `None` if the records are to be read.
    summaries: Option<(Summaries, Bytes)>,
    now: Timestamp,
}

impl Plan {
    /// Returns the plan with summaries of the records of its window, so that they need not be read.
    ///
    /// # Errors
    /// [`Error::Request`] if the plan has no window of days or times.
    pub fn with_summaries(self, summaries: Summaries, file: Bytes) -> Result<Self, Error> {
        if !matches!(self.selection, Selection::Window(_)) {
            return Err(Error::Request(
                "summaries need a window of days or times: --from, --to or --days".to_owned(),
            ));
        }
        let id = digest::of(&(&self.id, digest::of_bytes(&file)));
        Ok(Self { id, summaries: Some((summaries, file)), ..self })
    }
}

/// What runs of the same kind have in common, which is what [`Selection::SinceLast`] continues.
#[derive(Serialize)]
struct Kind<'a> {
    model_version: &'a str,
    source: Option<&'a str>,
    features: Option<&'a BTreeSet<String>>,
}

impl<'a> Kind<'a> {
    fn new(wanted: &'a Wanted, features: Option<&'a BTreeSet<String>>) -> Self {
        Self { model_version: &wanted.version, source: wanted.source.as_deref(), features }
    }
}

/// Result of a run.
#[derive(Debug, Clone)]
pub struct Run {
    /// The report.
    pub report: StoredReport,
    /// The report as stored.
    pub json: Bytes,
    /// Whether this run made the report; otherwise it was already stored.
    pub created: bool,
}

impl Monitor {
    /// Creates a monitor.
    ///
    /// # Errors
    /// [`bcs_service::Failure::Usage`] for an unknown time zone or an invalid webhook.
    pub fn new(stores: Stores, settings: &Settings) -> Result<Self, bcs_service::Failure> {
        Ok(Self {
            predictions: stores.predictions,
            package: stores.package,
            baselines: Baselines::new(Arc::clone(&stores.reports)),
            archive: Archive::new(stores.reports),
            days: settings.window.days,
            zone: settings.window.zone()?,
            drift: settings.drift.clone(),
            webhook: settings.webhook.open()?,
            predictor: settings.predictor.url.clone(),
            flights: Flights::default(),
            listed: AtomicBool::new(false),
        })
    }

    /// Returns what a request asks for.
    ///
    /// # Errors
    /// [`Error`] for an invalid request or without a drift reference.
    pub async fn plan(&self, request: &RunRequest, now: Timestamp) -> Result<Plan, Error> {
        let selection = request.selection(self.days, now, &self.zone)?;
        let package = self.package.baseline().await?;
        let version = request.model_version.clone().unwrap_or_else(|| package.version.clone());
        let calibration = if package.version == version { package.calibration.clone() } else { Vec::new() };
        let accepted = self.baselines.newest(&version, request.source.as_deref()).await?;
        let baseline = accepted.unwrap_or(package);
        check_features(request.features.as_ref(), &baseline.table)?;
        let wanted = Wanted { version, format: baseline.format_version, source: request.source.clone() };
        let features = request.features.clone();
        let id =
            digest::of(&(Kind::new(&wanted, features.as_ref()), selection, &baseline.sha256, &self.drift));
        Ok(Plan { id, selection, wanted, features, baseline, calibration, summaries: None, now })
    }

    /// Compares predictions with the reference and stores the report, unless it is already stored. Runs of the same plan at
    /// the same time, in this process or in others, are done once.
    ///
    /// # Errors
    /// [`Error`]; then nothing is stored.
    pub async fn run(self: &Arc<Self>, plan: Plan) -> Result<Run, Error> {
        let (monitor, id) = (Arc::clone(self), plan.id.clone());
        let work = async move { monitor.run_alone(plan).await.map_err(Arc::new) };
        match self.flights.join(&id, work).await {
            Landed::Own(result) => result.map_err(Error::Shared),
            Landed::Shared(result) => result.map(|run| Run { created: false, ..run }).map_err(Error::Shared),
            Landed::Crashed => Err(Error::Internal("the run panicked".to_owned())),
        }
    }

    /// Runs while no other process does, or returns the report that another process has made meanwhile.
    async fn run_alone(&self, plan: Plan) -> Result<Run, Error> {
        let lease = match lease::claim(self.archive.shared_store(), &plan.id).await? {
            Claim::Ours(lease) => lease,
            Claim::Made(report) => return self.stored(&report).await?.ok_or(Error::NoReport(report)),
        };
        let run = self.make(plan).await;
        lease.end(run.as_ref().map(|run| run.report.drift.about.id.as_str()).map_err(Error::detail)).await;
        if let Ok(run) = &run {
            log(run);
            let summary = Summary::from(&run.report);
            if let Some(webhook) =
                self.webhook.as_ref().filter(|webhook| run.created && webhook.wants(&summary))
            {
                webhook.tell(&summary).await;
            }
        }
        run
    }

    async fn make(&self, plan: Plan) -> Result<Run, Error> {
        let kind = digest::of(&Kind::new(&plan.wanted, plan.features.as_ref()));
        let mark = match plan.selection {
            Selection::SinceLast => mark::read(self.archive.store(), &kind).await?,
            _ => None,
        };
        let scope = self.scope(&plan, mark.as_ref())?;
        let mut records = match &plan.summaries {
            Some((summaries, file)) => Records::summarized(summaries.clone(), file),
            None => self.collect(&scope, &plan).await?,
        };
        self.check_version(&plan, &records)?;
        if let Some(mark) = mark.filter(|_| records.is_empty())
            && let Some(run) = self.stored(&mark.report).await?
        {
            return Ok(run);
        }
        let recent = std::mem::take(&mut records.recent);
        let run = self.report(&plan, &scope, records).await?;
        if let Scope::Since(Since { to, .. }) = scope {
            let mark = Mark { to, report: run.report.drift.about.id.clone(), seen: recent };
            mark::write(self.archive.store(), &kind, &mark).await?;
        }
        Ok(run)
    }

    /// Reads the records, and the corrected masks of their predictions.
    async fn collect(&self, scope: &Scope, plan: &Plan) -> Result<Records, Error> {
        let store = &self.predictions;
        let quality = Quality::start(store.as_ref(), plan.calibration.clone()).await?;
        let mut records = records::collect(store, scope, &plan.wanted, quality).await?;
        records.quality.measure(store).await?;
        Ok(records)
    }

    fn scope(&self, plan: &Plan, mark: Option<&Mark>) -> Result<Scope, Error> {
        Ok(match (plan.selection, mark) {
            (Selection::Window(window) | Selection::Hours(_, window), _) => Scope::Window(window),
            (Selection::Last(count), _) => Scope::Last(count, plan.now),
            (Selection::SinceLast, Some(mark)) => {
                Scope::Since(Since { from: mark.to, to: plan.now, seen: Some(mark.seen.clone()) })
            }
            (Selection::SinceLast, None) => {
                let from = Window::latest(self.days, plan.now, &self.zone)?.from();
                Scope::Since(Since { from, to: plan.now, seen: None })
            }
        })
    }

    /// Refuses a model version that neither the drift reference nor any record has.
    fn check_version(&self, plan: &Plan, records: &Records) -> Result<(), Error> {
        let (version, own) = (&plan.wanted.version, &plan.baseline.version);
        if version == own || records.used > 0 {
            return Ok(());
        }
        let known = records.other_versions.keys().chain([own]).cloned().collect::<BTreeSet<_>>();
        let known = known.into_iter().collect::<Vec<_>>().join(", ");
        Err(Error::UnknownVersion { version: version.clone(), known })
    }

    /// Makes and stores the report of these records, unless it is already stored.
    async fn report(&self, plan: &Plan, scope: &Scope, mut records: Records) -> Result<Run, Error> {
        let window = self.window(plan, scope, &records)?;
        let content = Content {
            selection: plan.selection,
            wanted: &plan.wanted,
            features: plan.features.as_ref(),
            baseline: &plan.baseline,
            drift: &self.drift,
        };
        let id = report_id(window, &content, &records);
        let outdated = match self.archive.find(&id).await? {
            Found::Report(report, json) => return Ok(Run { report: *report, json, created: false }),
            Found::Outdated(generation) => Some(generation),
            Found::Missing => None,
        };
        let sources = Sources { source: plan.wanted.source.clone(), ..Sources::from(&records) };
        let about = About {
            title: sources.title(),
            window: window.up_to(plan.now),
            model_version: plan.wanted.version.clone(),
            ..About::new(id, plan.now)
        };
        let gallery = std::mem::take(&mut records.gallery);
        let (baseline, features, drift) =
            (Arc::clone(&plan.baseline), plan.features.clone(), self.drift.clone());
        let (to, now) = (about.window.to.unwrap_or(plan.now), plan.now);
        // On a blocking thread, because large samples take seconds.
        let compared = tokio::task::spawn_blocking(move || {
            let gathered = (drift.preset == Preset::Clustered).then_some(drift.over_time).flatten();
            let window =
                gathered.map(|settings| (settings, History::new(to, now, about.id.clone(), &records.table)));
            Ok::<_, Error>((compare(about, &baseline, records, features.as_ref(), &drift)?, window))
        });
        let (mut drift, window) = compared.await.map_err(|error| Error::Internal(error.to_string()))??;
        drift.trend = trend(&drift, &self.archive.list().await?);
        [drift.unusual, drift.to_label] = gallery.finish(&self.predictions, self.predictor.as_deref()).await;
        if let Some((settings, window)) = window {
            drift.over_time = self.over_time(plan, window, settings).await?;
        }
        let report = StoredReport { drift, records: sources };
        if let Some(json) = self.archive.put(&report, outdated).await? {
            return Ok(Run { report, json, created: true });
        }
        let id = report.drift.about.id;
        self.stored(&id).await?.ok_or(Error::NoReport(id))
    }

    /// Returns the evidence of all windows of the same kind up to this one; `None` if no image of the window has a case.
    async fn over_time(
        &self,
        plan: &Plan,
        window: History,
        settings: settings::OverTime,
    ) -> Result<Option<OverTime>, Error> {
        let mut reference = plan.baseline.table.clone();
        if let Some(features) = &plan.features {
            reference.select(features);
        }
        let kind = digest::of(&(Kind::new(&plan.wanted, plan.features.as_ref()), &plan.baseline.sha256));
        let store = self.archive.shared_store();
        history::evidence(store, &kind, window, reference.parts, settings.into()).await
    }

    /// Returns the time window of the records.
    fn window(&self, plan: &Plan, scope: &Scope, records: &Records) -> Result<Window, Error> {
        let (from, to) = match scope {
            Scope::Window(window) => return Ok(*window),
            Scope::Since(since) => (since.from, since.to),
            Scope::Last(..) => (records.first.unwrap_or(plan.now), plan.now),
        };
        let earliest = records.first.map_or(from, |first| first.min(from));
        // A window that has no time yet would be empty.
        let earliest = if earliest < to { earliest } else { to - Duration::from_millis(1) };
        Ok(Window::new(earliest, to, &self.zone)?)
    }

    /// Returns the stored report with this id, if there is one.
    async fn stored(&self, id: &str) -> Result<Option<Run>, Error> {
        Ok(match self.archive.find(id).await? {
            Found::Report(report, json) => Some(Run { report: *report, json, created: false }),
            Found::Outdated(_) | Found::Missing => None,
        })
    }

    /// Returns the images of a report whose corrected masks would tell most.
    ///
    /// # Errors
    /// [`Error::NoReport`]; [`Error::Store`].
    pub async fn to_label(&self, report: &str) -> Result<Vec<ShownImage>, Error> {
        let run = self.stored(report).await?.ok_or_else(|| Error::NoReport(report.to_owned()))?;
        Ok(run.report.drift.to_label)
    }

    /// Accepts the records of the window of a report as the new baseline of their model and source.
    ///
    /// # Errors
    /// [`Error::NoReport`]; [`Error::Request`] for too few cases; [`Error::Store`].
    pub async fn accept(
        &self,
        report: &str,
        who: String,
        why: String,
        now: Timestamp,
    ) -> Result<Acceptance, Error> {
        let (window, wanted) = self.scope_of(report).await?;
        let scope = Scope::Window(window);
        let records = records::collect(&self.predictions, &scope, &wanted, Quality::default()).await?;
        let Wanted { version: model_version, source, .. } = wanted;
        let (id, report) = (Uuid::now_v7(), report.to_owned());
        let acceptance = Acceptance { id, who, when: now, why, report, model_version, source };
        self.baselines.accept(acceptance, (&records.table).into()).await
    }

    /// Returns the window of a report, and which of its records it compared.
    async fn scope_of(&self, report: &str) -> Result<(Window, Wanted), Error> {
        let run = self.stored(report).await?.ok_or_else(|| Error::NoReport(report.to_owned()))?;
        let about = run.report.drift.about;
        let (Some(from), Some(to)) = (about.window.from, about.window.to) else {
            return Err(Error::NoReport(report.to_owned()));
        };
        let source = run.report.records.source;
        let wanted = Wanted { version: about.model_version, format: FORMAT_VERSION, source };
        Ok((Window::new(from, to, &self.zone)?, wanted))
    }

    /// Checks whether a run is possible now. The records are listed the first time only.
    ///
    /// # Errors
    /// [`Error::Baseline`] without a drift reference; [`Error::Store`] if a bucket cannot be used.
    pub async fn check(&self, now: Timestamp) -> Result<(), Error> {
        let end = Instant::now() + CHECK_TIME;
        let checked = timeout_at(end.into(), self.check_until(now, end)).await;
        checked.unwrap_or_else(|_| {
            let (store, key, reason) =
                (self.predictions.name(), String::new(), "no answer in time".to_owned());
            Err(bcs_storage::Error::Unavailable { store, key, reason }.into())
        })
    }

    async fn check_until(&self, now: Timestamp, end: Instant) -> Result<(), Error> {
        self.package.baseline().await?;
        let predictions = self.predictions.until(end);
        if self.listed.load(Ordering::Relaxed) {
            match predictions.get(NO_OBJECT).await {
                Ok(_) | Err(bcs_storage::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        } else {
            let today = now.to_zoned_datetime(TimeZone::UTC).date();
            predictions.list_page(&keys::records_of(today), None, 1).await?;
            self.listed.store(true, Ordering::Relaxed);
        }
        self.archive.store().until(end).check().await?;
        Ok(())
    }
}
