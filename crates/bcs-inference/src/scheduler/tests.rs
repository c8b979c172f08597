use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex};

use bcs_contracts::features::Embedding;
use bcs_imaging::windows::BlendMode;
use image::{Rgb, RgbImage};
use proptest::prelude::*;

use super::*;
use crate::engine::{Border, Engine, ModelInfo};
use crate::fake::{Colors, red};
use crate::model::Weights;
use crate::padding::Padding;

/// A time far longer than any test takes.
const LONG: Duration = Duration::from_secs(20);

/// What the engines of a test do, and have done.
#[derive(Default)]
struct Control {
    state: Mutex<Controlled>,
    changed: Condvar,
}

#[derive(Default)]
struct Controlled {
    /// Whether batches wait for [`Control::let_run`].
    held: bool,
    /// Number of batches that may run although others are held.
    permits: usize,
    /// The red value of the first pixel of each window, by batch, in the order in which they began.
    batches: Vec<Vec<u8>>,
    /// Number of calls that fail, from now on.
    failures: usize,
    /// Whether failures are panics.
    panic: bool,
}

impl Control {
    fn with<T>(&self, change: impl FnOnce(&mut Controlled) -> T) -> T {
        let result = change(&mut self.state.lock().unwrap());
        self.changed.notify_all();
        result
    }

    fn hold(&self) {
        self.with(|state| {
            state.held = true;
            state.batches.clear();
        });
    }

    fn let_run(&self, batches: usize) {
        self.with(|state| state.permits += batches);
    }

    fn release(&self) {
        self.with(|state| state.held = false);
    }

    fn wait_until(&self, condition: impl Fn(&Controlled) -> bool) {
        let (state, timeout) = self
            .changed
            .wait_timeout_while(self.state.lock().unwrap(), LONG, |state| !condition(state))
            .unwrap();
        drop(state);
        assert!(!timeout.timed_out());
    }

    fn batches(&self) -> Vec<Vec<u8>> {
        self.with(|state| state.batches.clone())
    }

    /// Called by the engines.
    fn run(&self, pixels: &[u8], shape: [usize; 3]) -> Result<(), Error> {
        let mut state = self.state.lock().unwrap();
        state.batches.push(pixels.chunks_exact(shape[1] * shape[2] * 3).map(|window| window[0]).collect());
        self.changed.notify_all();
        if state.failures > 0 {
            state.failures -= 1;
            let panic = state.panic;
            drop(state);
            assert!(!panic, "out of luck");
            return Err(Error::Engine("out of memory".to_owned()));
        }
        let mut state = self.changed.wait_while(state, |state| state.held && state.permits == 0).unwrap();
        state.permits = state.permits.saturating_sub(1);
        Ok(())
    }
}

struct Controllable(Colors, Arc<Control>);

impl Engine for Controllable {
    fn info(&self) -> &ModelInfo {
        self.0.info()
    }

    fn set_threads(&mut self, _threads: NonZeroUsize) {}

    fn run(
        &mut self,
        pixels: &[u8],
        shape: [usize; 3],
        border: &Border,
        logits: &mut [f32],
    ) -> Result<Vec<Embedding>, Error> {
        self.1.run(pixels, shape)?;
        self.0.run(pixels, shape, border, logits)
    }
}

struct ControlledWeights(Arc<Control>);

impl Weights for ControlledWeights {
    fn engine(&self) -> Result<Box<dyn Engine>, Error> {
        Ok(Box::new(Controllable(red(), Arc::clone(&self.0))))
    }
}

/// A source of models of the version in it, which fail to open if it is empty.
#[derive(Clone, Default)]
struct Versions(Arc<Mutex<String>>, Arc<Control>);

impl ModelSource for Versions {
    fn fingerprint(&self) -> String {
        self.0.lock().unwrap().clone()
    }

    fn open(&self) -> Result<Model, Error> {
        let version = self.fingerprint();
        if version.is_empty() {
            return Err(Error::Model("no version".to_owned()));
        }
        let info = ModelInfo { version, ..red().info().clone() };
        Ok(Model::new(Arc::new(info), None, ControlledWeights(Arc::clone(&self.1))))
    }
}

struct Fixture {
    inference: Inference,
    control: Arc<Control>,
    version: Arc<Mutex<String>>,
    healths: Arc<Mutex<Vec<Result<(), String>>>>,
}

fn options(workers: usize, batch: usize) -> Options {
    let window = SlidingWindow { batch, ..SlidingWindow::default() };
    Options { window, workers: NonZeroUsize::new(workers).unwrap(), ..Options::default() }
}

/// Starts an inference and waits for its model.
fn start(options: Options) -> Fixture {
    let versions = Versions::default();
    "1".clone_into(&mut versions.0.lock().unwrap());
    let fixture = begin(options, &versions);
    wait_for(|| fixture.inference.current().is_some());
    fixture
}

fn begin(options: Options, versions: &Versions) -> Fixture {
    let healths = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&healths);
    let health = Box::new(move |health| log.lock().unwrap().push(health));
    let inference = Inference::start(versions.clone(), options, Hooks { health, ..Hooks::default() });
    Fixture { inference, control: Arc::clone(&versions.1), version: Arc::clone(&versions.0), healths }
}

fn wait_for(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < LONG);
        thread::sleep(Duration::from_millis(1));
    }
}

impl Fixture {
    /// Segments an image, cancelled by nothing.
    fn segment(
        &self,
        image: RgbImage,
    ) -> impl Future<Output = Result<Answer, Error>> + Send + 'static + use<> {
        self.segment_with(image, CancellationToken::new(), None)
    }

    fn segment_with(
        &self,
        image: RgbImage,
        token: CancellationToken,
        deadline: Option<Instant>,
    ) -> impl Future<Output = Result<Answer, Error>> + Send + 'static + use<> {
        let (inference, model) = (self.inference.clone(), self.inference.current().unwrap());
        async move {
            inference
                .segment(&model, Request { image: image.into(), token, deadline, held: Arc::new(()) })
                .await
        }
    }
}

/// An image of one colour.
fn flat(width: u32, height: u32, red: u8) -> RgbImage {
    RgbImage::from_pixel(width, height, Rgb([red, 10, 10]))
}

fn patterned(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([(x * 3 % 256) as u8, (y * 5 % 256) as u8, 9]))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn images_are_segmented_as_by_the_sliding_window(
        sizes in prop::collection::vec((16u32..150, 16u32..150), 1..5),
        overlap in prop::array::uniform2(0.0f64..0.9), gaussian: bool, batch in 1usize..7, workers in 1usize..4,
        padding in prop::sample::select(vec![Padding::Fit, Padding::Constant(2.0), Padding::Replicate]),
    ) {
        let mode = if gaussian { BlendMode::Gaussian } else { BlendMode::Constant };
        let window = SlidingWindow { overlap, mode, batch, padding, ..SlidingWindow::default() };
        let fixture = start(Options { window, ..options(workers, batch) });
        let answers = block_on(async {
            let tasks = sizes.iter().map(|(width, height)| tokio::spawn(fixture.segment(patterned(*width, *height))));
            let mut answers = Vec::new();
            for task in tasks.collect::<Vec<_>>() {
                answers.push(task.await.unwrap().unwrap().segmentation);
            }
            answers
        });
        for ((width, height), answer) in sizes.iter().zip(answers) {
            let logits = window.run(&mut red(), &patterned(*width, *height)).unwrap();
            let expected = Segmentation::from_logits(&logits).unwrap();
            prop_assert_eq!(answer.mask, expected.mask);
            prop_assert_eq!(answer.class_pixels, expected.class_pixels);
            prop_assert!((answer.confidence - expected.confidence).abs() < 1e-6);
            prop_assert!((answer.entropy - expected.entropy).abs() < 1e-6);
            prop_assert!(answer.embedding.is_some());
            prop_assert_eq!(answer.embedding, expected.embedding);
        }
        prop_assert!(fixture.inference.shutdown(Instant::now() + LONG));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tile_waits_at_most_one_batch_of_a_large_region() {
    for (width, height) in [(32, 32), (20, 20)] {
        let fixture = start(options(1, 4));
        fixture.control.hold();
        let region = tokio::spawn(fixture.segment(flat(500, 500, 1)));
        fixture.control.wait_until(|state| state.batches.len() == 1);
        let tile = tokio::spawn(fixture.segment(flat(width, height, 200)));
        wait_for(|| fixture.inference.stats().images == 2);
        fixture.control.let_run(1);
        fixture.control.wait_until(|state| state.batches.len() == 2);
        let batches = fixture.control.batches();
        assert_eq!(batches[0], [1; 4], "the region runs in full batches");
        assert!(batches[1].contains(&200), "{batches:?}");
        fixture.control.let_run(1);
        assert_eq!(tile.await.unwrap().unwrap().segmentation.class_pixels, [0, u64::from(width * height)]);
        assert!(!region.is_finished());
        fixture.control.release();
        assert_eq!(region.await.unwrap().unwrap().segmentation.class_pixels, [250_000, 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tiles_of_several_clients_share_a_batch() {
    let fixture = start(options(1, 4));
    fixture.control.hold();
    let first = tokio::spawn(fixture.segment(flat(32, 32, 1)));
    fixture.control.wait_until(|state| state.batches.len() == 1);
    let tiles: Vec<_> = (2..=6).map(|red| tokio::spawn(fixture.segment(flat(32, 32, red)))).collect();
    wait_for(|| fixture.inference.stats().images == 5);
    fixture.control.release();
    for tile in tiles.into_iter().chain([first]) {
        tile.await.unwrap().unwrap();
    }
    let lengths: Vec<usize> = fixture.control.batches().iter().map(Vec::len).collect();
    assert_eq!(lengths, [1, 4, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_windows_of_one_image_are_divided_between_idle_workers() {
    let fixture = start(options(2, 16));
    fixture.control.hold();
    wait_for(|| fixture.inference.shared.lock().idle == 2);
    // 3 × 3 windows.
    let image = tokio::spawn(fixture.segment(flat(80, 80, 1)));
    fixture.control.wait_until(|state| state.batches.len() == 2);
    let mut lengths: Vec<usize> = fixture.control.batches().iter().map(Vec::len).collect();
    lengths.sort_unstable();
    assert_eq!(lengths, [4, 5]);
    fixture.control.release();
    image.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_frees_its_work_within_one_batch() {
    type Leave = fn(&tokio::task::JoinHandle<Result<Answer, Error>>, &CancellationToken);
    let leaves: [(Leave, bool); 2] = [(|task, _| task.abort(), false), (|_, token| token.cancel(), true)];
    for (leave, answered) in leaves {
        let fixture = start(options(1, 4));
        fixture.control.hold();
        let token = CancellationToken::new();
        let region = tokio::spawn(fixture.segment_with(flat(500, 500, 1), token.clone(), None));
        fixture.control.wait_until(|state| state.batches.len() == 1);
        let run = fixture.inference.stats().windows_run;
        leave(&region, &token);
        let result = region.await;
        assert_eq!(matches!(result, Ok(Err(Error::Cancelled))), answered);
        assert_eq!(fixture.inference.stats().windows, 0);
        fixture.control.release();
        wait_for(|| fixture.inference.stats().running == 0);
        assert_eq!(fixture.inference.stats().windows_run - run, 4, "more than the batch that ran already");
        fixture.segment(flat(32, 32, 1)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_ends_an_image_that_waits() {
    let fixture = start(options(1, 1));
    fixture.control.hold();
    let first = tokio::spawn(fixture.segment(flat(32, 32, 1)));
    fixture.control.wait_until(|state| state.batches.len() == 1);
    let deadline = Some(Instant::now() + Duration::from_millis(20));
    let late = fixture.segment_with(flat(32, 32, 2), CancellationToken::new(), deadline).await;
    assert!(matches!(late, Err(Error::Deadline)));
    fixture.control.release();
    first.await.unwrap().unwrap();
    assert_eq!(fixture.control.batches(), [[1]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_images_than_the_queue_holds_are_refused() {
    let fixture = start(Options { queue: 2, ..options(1, 1) });
    fixture.control.hold();
    let running = tokio::spawn(fixture.segment(flat(32, 32, 1)));
    fixture.control.wait_until(|state| state.batches.len() == 1);
    let waiting: Vec<_> = (0..2).map(|_| tokio::spawn(fixture.segment(flat(32, 32, 2)))).collect();
    wait_for(|| fixture.inference.stats().images == 2);
    assert!(matches!(fixture.segment(flat(32, 32, 3)).await, Err(Error::QueueFull(2))));
    fixture.control.release();
    for task in waiting.into_iter().chain([running]) {
        task.await.unwrap().unwrap();
    }
    assert!(matches!(fixture.segment(flat(3, 3, 3)).await, Err(Error::TooSmall { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_recovers_without_traffic() {
    for panic in [false, true] {
        let fixture = start(options(2, 1));
        fixture.control.with(|state| {
            state.panic = panic;
            // The batch, and two trials.
            state.failures = 3;
        });
        let error = fixture.segment(flat(32, 32, 1)).await.unwrap_err().to_string();
        assert!(error.contains(if panic { "out of luck" } else { "out of memory" }), "{error}");
        wait_for(|| {
            fixture.healths.lock().unwrap().last() == Some(&Ok(()))
                && fixture.control.with(|state| state.failures) == 0
        });
        let failed = fixture.healths.lock().unwrap().iter().filter(|health| health.is_err()).count();
        assert_eq!(failed, 2);
        fixture.segment(flat(32, 32, 1)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn images_fail_at_once_while_no_worker_works() {
    let fixture = start(options(1, 1));
    fixture.control.with(|state| state.failures = usize::MAX);
    assert!(fixture.segment(flat(32, 32, 1)).await.is_err());
    wait_for(|| fixture.healths.lock().unwrap().last().is_some_and(Result::is_err));
    let error = fixture.segment(flat(32, 32, 1)).await.unwrap_err();
    assert!(matches!(error, Error::Engine(_)));
    assert!(fixture.inference.shutdown(Instant::now() + LONG), "a pause delays the end");
}

#[test]
fn a_model_that_cannot_be_opened_is_tried_again() {
    let versions = Versions::default();
    let fixture = begin(options(1, 1), &versions);
    wait_for(|| fixture.healths.lock().unwrap().len() >= 2);
    assert!(fixture.inference.current().is_none());
    assert!(fixture.healths.lock().unwrap()[0].as_ref().unwrap_err().contains("no version"));
    "1".clone_into(&mut versions.0.lock().unwrap());
    wait_for(|| fixture.inference.current().is_some());
    assert_eq!(fixture.healths.lock().unwrap().last(), Some(&Ok(())));
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_replaced_under_load_and_answers_name_theirs() {
    let fixture = start(Options { reload: Some(Duration::from_millis(1)), ..options(2, 2) });
    let set = |version: &str| version.clone_into(&mut fixture.version.lock().unwrap());
    let serving = || fixture.inference.current().unwrap().model().info.version.clone();
    for version in ["2", "3", "4", "5", "6"] {
        let old = serving();
        let before = fixture.segment(flat(200, 200, 1));
        set(version);
        wait_for(|| serving() == version);
        let after = fixture.segment(flat(200, 200, 1));
        let (before, after) = tokio::join!(before, after);
        assert_eq!(before.unwrap().model.info.version, old);
        assert_eq!(after.unwrap().model.info.version, version);
    }
    set("");
    wait_for(|| fixture.inference.refused().is_some());
    assert!(fixture.inference.refused().unwrap().contains("no version"));
    assert_eq!(fixture.segment(flat(32, 32, 1)).await.unwrap().model.info.version, "6");
    // A model that opens but fails on a blank tile.
    fixture.control.with(|state| state.failures = 1);
    set("7");
    wait_for(|| fixture.inference.refused().is_some_and(|reason| reason.contains("out of memory")));
    assert_eq!(serving(), "6");
    set("8");
    wait_for(|| serving() == "8");
    assert_eq!(fixture.inference.refused(), None);
    assert!(fixture.healths.lock().unwrap().iter().all(Result::is_ok));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_ends_all_threads_and_answers_everyone() {
    let fixture = start(options(1, 2));
    fixture.control.hold();
    let region = tokio::spawn(fixture.segment(flat(500, 500, 1)));
    fixture.control.wait_until(|state| state.batches.len() == 1);
    let waiting = tokio::spawn(fixture.segment(flat(32, 32, 1)));
    wait_for(|| fixture.inference.stats().images == 2);
    assert!(!fixture.inference.shutdown(Instant::now()), "a batch is running");
    for task in [region, waiting] {
        assert!(matches!(task.await.unwrap(), Err(Error::Stopped)));
    }
    fixture.control.release();
    assert!(fixture.inference.shutdown(Instant::now() + LONG));
    assert!(matches!(fixture.segment(flat(32, 32, 1)).await, Err(Error::Stopped)));
}
