//! The report in a browser, without a network.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bcs_tests::Page;
use serde_json::json;

use crate::support::{World, program, stderr};

/// Features of the tables, as the predictor measures them.
const FEATURES: [&str; 24] = [
    "blue_mean",
    "boundary_length",
    "brightness_p05",
    "brightness_p50",
    "brightness_p95",
    "confidence",
    "entropy",
    "eosin_mean",
    "eosin_std",
    "fraction_lymphocytic_infiltrate",
    "fraction_necrosis_or_debris",
    "fraction_stroma",
    "fraction_tumour",
    "green_mean",
    "grey_mean",
    "haematoxylin_mean",
    "haematoxylin_std",
    "laboratory_specific_measure_of_everything",
    "nuclear_size",
    "prediction_entropy",
    "red_mean",
    "saturation_mean",
    "sharpness",
    "tissue_fraction",
];

/// Words of names that are on more than one line.
const BROKEN: &str = "(() => {
    const broken = [];
    for (const element of document.querySelectorAll('h1, tbody th, .families strong, .composition .name, h3')) {
        const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
            for (const word of node.textContent.matchAll(/[^\\s_]+/g)) {
                const range = document.createRange();
                range.setStart(node, word.index);
                range.setEnd(node, word.index + word[0].length);
                if (new Set([...range.getClientRects()].map(r => Math.round(r.top))).size > 1) broken.push(word[0]);
            }
        }
    }
    return broken.join(' ');
})()";

/// Where screenshots go, to be looked at.
fn screenshots() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Writes a table of cases with ten tiles each. Of `eosin_mean` and `sharpness`, the values are shifted.
fn write_table(path: &Path, side: &str, cases: u32, shift: f64) {
    let mut text = format!("case,{}\n", FEATURES.join(","));
    let unlike = |a: usize, b: usize| (a * 7919 + b * 104_729 + 13) % 1009;
    for tile in 0..cases * 10 {
        let case = tile / 10;
        write!(text, "{side}-{case}").unwrap();
        for (at, feature) in FEATURES.iter().enumerate() {
            let case_part = unlike(case as usize + side.len() * 31, at * 17 + 3) as f64 / 1009.0;
            let tile_part = unlike(tile as usize, at * 29 + 5) as f64 / 1009.0;
            let shifted = match *feature {
                "eosin_mean" => -shift,
                "sharpness" => 0.4 * shift,
                _ => 0.0,
            };
            write!(text, ",{:.6}", 0.1 + 0.15 * case_part + 0.08 * tile_part + 0.1 * shifted).unwrap();
        }
        text.push('\n');
    }
    std::fs::write(path, text).unwrap();
}

/// Opens a file without a network, and checks what holds at each width.
async fn open(file: &Path, width: u32, height: u32, picture: &str) -> Option<Page> {
    let mut page = Page::open("about:blank", width, height).await?;
    let offline = json!({"offline": true, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0});
    page.call("Network.emulateNetworkConditions", offline).await;
    let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
    page.call("Emulation.setDeviceMetricsOverride", size).await;
    page.go(&format!("file://{}", file.display())).await;
    let beyond =
        page.value("document.documentElement.scrollWidth - document.documentElement.clientWidth").await;
    assert!(beyond.as_f64().unwrap() <= 0.0, "{picture} is {beyond} px wider than {width}");
    assert_eq!(page.value(BROKEN).await, "", "{picture} at {width}");
    page.screenshot(&screenshots().join(format!("{picture}-{width}.png"))).await;
    assert_eq!(page.faults("file://"), Vec::<String>::new());
    Some(page)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_drift_opens_offline_on_phone_and_desktop() {
    let folder = tempfile::tempdir().unwrap();
    let [reference, current] = ["reference.csv", "current.csv"].map(|name| folder.path().join(name));
    write_table(&reference, "reference", 20, 0.0);
    write_table(&current, "now", 8, 1.5);
    let mut command = program();
    command.arg("compare").arg("--reference").arg(&reference).arg("--current").arg(&current);
    let output = command.arg("--output").arg(folder.path()).arg("--fail-on-drift").output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let file = folder.path().join("report.html");
    assert!(std::fs::metadata(&file).unwrap().len() < 300_000);

    for (width, height) in [(390, 844), (1180, 900)] {
        let Some(mut page) = open(&file, width, height, "drift").await else { return };
        let heading = page.value("document.querySelector('h1').textContent").await;
        assert!(heading.as_str().unwrap().contains("stain and colour"), "{heading}");
        let action = page.value("document.querySelector('.consequence').textContent").await;
        assert!(action.as_str().unwrap().contains("check "), "{action}");
        // The verdict is on the first screen.
        let bottom = page.value("document.querySelector('.verdict').getBoundingClientRect().bottom").await;
        assert!(bottom.as_f64().unwrap() < f64::from(height), "{bottom} at {width}");
        let effects = "[...document.querySelectorAll('.families .effect-text')].map(e => Math.abs(parseFloat(e.textContent.replace('−', '-'))))";
        let effects: Vec<f64> = serde_json::from_value(page.value(effects).await).unwrap();
        assert!(effects.len() >= 4 && effects.is_sorted_by(|a, b| a >= b), "{effects:?}");
        let count = async |page: &mut Page, selector: &str| {
            page.value(&format!("document.querySelectorAll('{selector}').length")).await.as_u64().unwrap()
        };
        let features = FEATURES.len() as u64;
        assert_eq!(count(&mut page, "tr[data-feature] svg.plot").await, features);
        assert_eq!(count(&mut page, "svg.plot path.case.current").await, features);
        assert_eq!(
            count(&mut page, ".families svg.forest-plot circle, .families svg.forest-plot .arrow").await,
            effects.len() as u64
        );
        assert_eq!(count(&mut page, ".composition li").await, 5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_with_a_trend_prints_and_an_empty_one_has_one_reason() {
    let world = World::new();
    world.predict(60, 2, 0.0);
    let run = world.run(&["--days", "1"]);
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    world.predict(60, 5, 1.2);
    world.run(&["--days", "2"]);
    world.run(&["--from", "2020-01-01", "--to", "2020-01-02"]);
    let file = |part: &str| {
        let pages = world.stored().into_iter().filter(|name| name.ends_with(".html"));
        let mut pages = pages.map(|name| world.path("reports/reports").join(name));
        pages.find(|page| std::fs::read_to_string(page).unwrap().contains(part)).unwrap()
    };
    let Some(mut page) = open(&file("class=\"trend-plot\""), 390, 844, "trend").await else { return };
    let pdf = page.call("Page.printToPDF", json!({"paperWidth": 8.27, "paperHeight": 11.69})).await;
    assert!(pdf["data"].as_str().unwrap().len() > 10_000);
    page.call("Emulation.setEmulatedMedia", json!({"media": "print"})).await;
    page.screenshot(&screenshots().join("print.png")).await;

    let Some(mut page) = open(&file("the window is empty"), 1180, 900, "empty").await else { return };
    let lines =
        page.value("[...document.querySelectorAll('ul.skipped li')].map(e => e.textContent).join()").await;
    assert_eq!(lines, "All 4 features: the window is empty");
}
