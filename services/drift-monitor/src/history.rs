//! Windows of earlier reports: the means of their cases, from which the evidence over time is derived anew for each report.

use std::sync::Arc;

use bcs_contracts::{FeatureTable, keys};
use bcs_drift::sequential::{self, OverTime};
use bcs_drift::table::Part;
use bcs_storage::{PutMode, Store};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::fetch;

/// Largest number of windows that count, the newest ones.
const MAX_WINDOWS: usize = 1_000;

/// Largest number of cases of a window that count: those of a month are far fewer.
const MAX_CASES: usize = 2_000;

/// The window of a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// End of the window.
    pub to: Timestamp,
    /// Time of the report.
    pub created: Timestamp,
    /// Id of the report.
    pub report: String,
    /// One row per case, with the means of its features.
    pub cases: FeatureTable,
}

impl Window {
    /// Creates the window of a report from its images. Those without a case do not count.
    pub fn new(to: Timestamp, created: Timestamp, report: String, images: &Part) -> Self {
        let mut means = FeatureTable::from(&images.by_case());
        let rows = means.cases.iter().flatten().count();
        // Cases come first.
        let kept: Vec<usize> = match rows {
            0..=MAX_CASES => (0..rows).collect(),
            many => (0..MAX_CASES).map(|at| at * many / MAX_CASES).collect(),
        };
        means.cases = kept.iter().map(|row| means.cases[*row].clone()).collect();
        for values in means.features.values_mut() {
            *values = kept.iter().map(|row| values[*row]).collect();
        }
        Self { to, created, report, cases: means }
    }

    /// Order of the windows.
    fn order(&self) -> (Timestamp, Timestamp, &str) {
        (self.to, self.created, &self.report)
    }
}

/// Stores the window of a report of a kind, and returns the evidence of all windows of the kind up to it; `None` if no image
/// of the window has a case.
///
/// # Errors
/// [`Error::Store`].
pub async fn evidence(
    store: &Arc<dyn Store>,
    kind: &str,
    window: Window,
    reference: Vec<Part>,
    settings: sequential::Settings,
) -> Result<Option<OverTime>, Error> {
    if window.cases.rows() == 0 {
        return Ok(None);
    }
    let key = keys::window(kind, &window.report);
    let bytes = serde_json::to_vec(&window).map_err(|error| Error::Internal(error.to_string()))?;
    store.put(&key, bytes.into(), PutMode::Overwrite).await?;
    let mut windows = earlier(store, kind, &window).await?;
    windows.push(window);
    let observed = tokio::task::spawn_blocking(move || {
        let windows: Vec<Part> = windows.iter().map(|window| Part::from(&window.cases)).collect();
        OverTime::of(&reference.iter().collect::<Vec<_>>(), &windows, settings)
    });
    Ok(Some(observed.await.map_err(|error| Error::Internal(error.to_string()))?))
}

/// Returns the windows of a kind that come before one, the oldest first.
async fn earlier(store: &Arc<dyn Store>, kind: &str, window: &Window) -> Result<Vec<Window>, Error> {
    // The names of reports begin with their days.
    let mut keys = store.list(&keys::windows_of(kind)).await?;
    keys.drain(..keys.len().saturating_sub(MAX_WINDOWS));
    let mut windows = Vec::new();
    for (key, bytes) in fetch::all(store, keys).await? {
        match serde_json::from_slice::<Window>(&bytes) {
            Ok(earlier) if earlier.order() < window.order() => windows.push(earlier),
            Ok(_) => {}
            Err(error) => tracing::warn!(key, reason = error.to_string(), "A damaged window does not count."),
        }
    }
    windows.sort_by(|a, b| a.order().cmp(&b.order()));
    Ok(windows)
}

#[cfg(test)]
mod tests {
    use bcs_contracts::Features;
    use bcs_drift::sequential::Settings;
    use bcs_storage::LocalStore;

    use super::*;

    fn images(cases: std::ops::Range<u32>, shift: f64) -> Part {
        let mut table = FeatureTable::default();
        for case in cases {
            for side in [-0.1, 0.1] {
                let value = f64::from(case * 7 % 30) + side + shift;
                table.push(Some(format!("case {case}")), &Features::from([("eosin_mean".to_owned(), value)]));
            }
        }
        table.push(None, &Features::from([("eosin_mean".to_owned(), 0.0)]));
        Part::from(&table)
    }

    fn window(day: u32, cases: std::ops::Range<u32>, shift: f64) -> Window {
        let to: Timestamp = format!("2026-11-{day:02}T00:00:00Z").parse().unwrap();
        Window::new(to, to, format!("2026-11-{day:02}"), &images(cases, shift))
    }

    #[tokio::test]
    async fn windows_accumulate_in_the_order_of_time() {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(LocalStore::open(folder.path()).unwrap());
        let reference = || vec![images(0..60, 0.0)];
        let evidence = |window: Window| {
            let store = Arc::clone(&store);
            async move { evidence(&store, "k", window, reference(), Settings::default()).await.unwrap() }
        };
        let first = evidence(window(1, 100..110, 0.0)).await.unwrap();
        assert_eq!((first.windows, first.cases), (1, 10));
        let mut alarms = 0;
        for day in 2..10 {
            let start = 100 + 10 * day;
            let found = evidence(window(day, start..start + 10, 25.0)).await.unwrap();
            assert_eq!(found.windows as u32, day);
            alarms += found.alarms().count();
        }
        assert!(alarms > 0);
        // The same window again, and one of the past, do not change what was found.
        assert_eq!(evidence(window(1, 100..110, 0.0)).await.unwrap(), first);
        let again = evidence(window(9, 190..200, 25.0)).await.unwrap();
        assert_eq!((again.windows, again.cases), (9, 90));
        assert_eq!(evidence(window(10, 0..0, 0.0)).await, None);
    }

    #[test]
    fn of_very_many_cases_some_count() {
        let many = u32::try_from(MAX_CASES).unwrap() * 2;
        assert_eq!(window(1, 0..many, 0.0).cases.rows(), MAX_CASES);
    }
}
