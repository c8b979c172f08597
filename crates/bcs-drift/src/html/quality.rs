//! Dice of each class, estimated and measured, and where the estimate fails.

use maud::{Markup, html};

use crate::quality::{ClassQuality, Quality, Trust, WindowQuality};
use crate::svg;
use crate::text::count;
use crate::words::capitalized;

pub(super) fn section(quality: Option<&WindowQuality>) -> Markup {
    let Some(quality) = quality else {
        return html! {};
    };
    html! {
        section aria-labelledby="quality" {
            h2 #quality { "Quality of the masks" }
            p.lead { (basis(quality)) }
            table.quality {
                thead {
                    tr {
                        th scope="col" { "Class" }
                        th scope="col" { "Dice, 0 to 1" }
                        th.number scope="col" { "Validation" small { "in training" } }
                        th.number scope="col" { span.key.estimated {} "Estimated" small { "all images" } }
                        @if quality.labelled > 0 {
                            th.number scope="col" { span.key.measured {} "Measured" small { "with labels" } }
                            th.number scope="col" { "Estimated" small { "for the same images" } }
                        }
                    }
                }
                tbody { @for class in &quality.classes { (row(class, quality.labelled > 0)) } }
            }
            @for class in &quality.classes { (warning(class)) }
            p.caution {
                "The estimate sees doubt, not error. On tissue unlike that of the training a network can be wrong and sure: on a "
                "patient held out of the training, Dice was 0.61 instead of 0.83, and the confidence had stayed. So a lower "
                "estimate is news, and a steady one is none; labels decide."
            }
        }
    }
}

/// What the figures are made of.
fn basis(quality: &WindowQuality) -> String {
    let corrected = if quality.calibrated {
        "corrected on the validation tiles"
    } else {
        "not corrected, since the model package has no calibration: too high if the network is over-confident"
    };
    let images =
        |number: usize| format!("{} {}", count(number), if number == 1 { "image" } else { "images" });
    let labelled = match quality.labelled {
        0 => "No image of this window has a corrected mask.".to_owned(),
        number => format!("Measured: from the corrected masks of {}.", images(number)),
    };
    format!("Estimated: from the probabilities of {}, {corrected}. {labelled}", images(quality.images))
}

fn row(class: &ClassQuality, labelled: bool) -> Markup {
    html! {
        tr data-class=(class.name) {
            th scope="row" { (capitalized(&class.name)) }
            td.unit-cell { (svg::unit(class.validation, class.estimated, class.measured)) }
            td.number data-label="Validation" { (class.validation.map_or_else(|| "–".to_owned(), two_digits)) }
            td.number data-label="Estimated" { (figure(class.estimated)) }
            @if labelled {
                td.number data-label="Measured" { (figure(class.measured)) }
                td.number data-label="Estimated, same images" { (figure(class.estimated_of_labelled)) }
            }
        }
    }
}

fn figure(quality: Option<Quality>) -> Markup {
    let Some(Quality { dice, interval, .. }) = quality else {
        return html! { "–" };
    };
    html! {
        span.mean { (two_digits(dice)) }
        @match interval {
            Some([low, high]) => { small { (two_digits(low)) " to " (two_digits(high)) } }
            None => { small { "one case" } }
        }
    }
}

fn warning(class: &ClassQuality) -> Markup {
    match (class.trust(), class.measured, class.estimated_of_labelled) {
        (Trust::TooHigh, Some(measured), Some(estimated)) => html! {
            p.warning {
                strong { "The estimate is too high for " (class.name) ": " }
                "for the images with labels it is " (two_digits(estimated.dice)) ", and their labels say "
                (two_digits(measured.dice)) ". Rely on labels for this window."
            }
        },
        _ => html! {},
    }
}

fn two_digits(value: f64) -> String {
    format!("{value:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quality(dice: f64) -> Option<Quality> {
        Some(Quality { dice, interval: Some([dice - 0.05, dice + 0.05]), cases: 3 })
    }

    fn window(labelled: usize) -> WindowQuality {
        let with_labels = |dice| if labelled > 0 { quality(dice) } else { None };
        let class = ClassQuality {
            name: "tumour".to_owned(),
            validation: Some(0.83),
            estimated: quality(0.82),
            measured: with_labels(0.61),
            estimated_of_labelled: with_labels(0.8),
        };
        WindowQuality { images: 1200, labelled, calibrated: true, classes: vec![class] }
    }

    #[test]
    fn the_estimate_is_shown_with_where_it_fails() {
        let page = section(Some(&window(0))).into_string();
        assert!(page.contains("0.77 to 0.87") && page.contains("1\u{202f}200 images"), "{page}");
        assert!(page.contains("sees doubt, not error") && page.contains("No image of this window"), "{page}");
        assert!(!page.contains("too high") && !page.contains("Measured"), "{page}");
        assert_eq!(section(None).into_string(), "");
    }

    #[test]
    fn an_estimate_that_labels_contradict_is_a_warning() {
        let page = section(Some(&window(1))).into_string();
        assert!(page.contains("too high for tumour: ") && page.contains("labels say 0.61"), "{page}");
        assert!(page.contains("corrected masks of 1 image."), "{page}");
    }
}
