//! The part of the images that this process segments: all, or its share as a task of a Cloud Run job.

use bcs_service::Failure;

/// A task of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Task {
    /// Its number, from 0.
    index: usize,
    /// Number of tasks.
    count: usize,
    /// Whether the environment names it.
    of_job: bool,
}

impl Task {
    /// Returns the task that the environment names (`CLOUD_RUN_TASK_INDEX` of `CLOUD_RUN_TASK_COUNT`), by default the only
    /// one.
    ///
    /// # Errors
    /// [`Failure::Usage`] for values that are no numbers, and an index that is not less than the count.
    pub(super) fn from_environment(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let number = |name: &str, default: usize| match lookup(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| Failure::usage(format!("{name}={text} is not a number"))),
        };
        let of_job = lookup("CLOUD_RUN_TASK_INDEX").is_some();
        let (index, count) = (number("CLOUD_RUN_TASK_INDEX", 0)?, number("CLOUD_RUN_TASK_COUNT", 1)?);
        let task = Self { index, count, of_job };
        if task.index < task.count {
            return Ok(task);
        }
        Err(Failure::usage(format!(
            "CLOUD_RUN_TASK_INDEX={} must be less than CLOUD_RUN_TASK_COUNT={}",
            task.index, task.count
        )))
    }

    /// Whether this is a task of a job, which platforms start again when it fails.
    pub(super) fn is_of_job(self) -> bool {
        self.of_job
    }

    /// Returns this task's share: every `count`-th one, so that tasks get equal shares of all folders.
    pub(super) fn share<T>(self, all: Vec<T>) -> Vec<T> {
        all.into_iter().skip(self.index).step_by(self.count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(index: &str, count: &str) -> Result<Task, Failure> {
        Task::from_environment(|name| {
            Some(if name.ends_with("INDEX") { index } else { count }.to_owned())
                .filter(|text| !text.is_empty())
        })
    }

    #[test]
    fn shares_are_all_images_once() {
        let mut all: Vec<usize> = (0..4)
            .flat_map(|index| task(&index.to_string(), "4").unwrap().share((0..10).collect()))
            .collect();
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<_>>());
        assert_eq!(task("", "").unwrap().share(vec![1, 2]), [1, 2]);
        assert!(task("4", "4").is_err() && task("x", "4").is_err());
    }
}
