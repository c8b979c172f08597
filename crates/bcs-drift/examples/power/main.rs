//! False alarms and power of the judgement over cases, on synthetic slides: the page `docs/explanation/drift-power.md`.
//!
//! ```text
//! cargo run --release -p bcs-drift --example power -- [WINDOWS [SLIDES]] > page.md
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

/// Number of windows for each figure.
const WINDOWS: u64 = 200;

/// Number of slides: the largest reference and the largest window, and as many again to draw from.
const SLIDES: u64 = 210;

fn main() -> ExitCode {
    let mut numbers = env::args().skip(1).map(|argument| argument.parse::<u64>());
    let (windows, slides) = (numbers.next().unwrap_or(Ok(WINDOWS)), numbers.next().unwrap_or(Ok(SLIDES)));
    let (Ok(windows @ 1..), Ok(slides @ 130..)) = (windows, slides) else {
        eprintln!("usage: power [WINDOWS [SLIDES]], with at least 1 window and 130 slides");
        return ExitCode::from(2);
    };
    let population = population::Population::draw(slides);
    print!("{}", page::page(&population, windows));
    ExitCode::SUCCESS
}
