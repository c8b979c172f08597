//! False alarms and power of the judgement over cases, on synthetic slides: the page `docs/explanation/drift-power.md`.
//!
//! ```text
//! cargo run --release -p bcs-drift --example power -- [WINDOWS [DRIFTED [SLIDES]]] > page.md
//! ```
//!
//! # Layout
//! - `page`: the tables as Markdown
//! - `population`: slides, tiles and their features
//! - `shifts`: changes of tiles
//! - `trials`: judgements of drawn windows

mod page;
mod population;
mod shifts;
mod trials;

use std::env;
use std::process::ExitCode;

/// Number of windows for each figure without drift, and with drift.
const WINDOWS: [u64; 2] = [200, 200];

/// Number of slides: the largest reference and the largest window, and as many again to draw from.
const SLIDES: u64 = 210;

fn main() -> ExitCode {
    let mut numbers = env::args().skip(1).map(|argument| argument.parse::<u64>());
    let mut next = |default| numbers.next().unwrap_or(Ok(default));
    let (Ok(undrifted @ 1..), Ok(drifted @ 1..), Ok(slides @ 130..)) =
        (next(WINDOWS[0]), next(WINDOWS[1]), next(SLIDES))
    else {
        eprintln!(
            "usage: power [WINDOWS [DRIFTED [SLIDES]]], with at least 1 window of each kind and 130 slides"
        );
        return ExitCode::from(2);
    };
    let population = population::Population::draw(slides);
    print!("{}", page::page(&population, [undrifted, drifted]));
    ExitCode::SUCCESS
}
