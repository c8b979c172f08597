//! The most unusual images, and those to label.

use maud::{Markup, html};

use crate::judgement::Outcome;
use crate::report::{DriftReport, ShownImage};
use crate::text::p_with_sign;

/// Largest number of bytes of all pictures; the page stays below 300 kB.
const MAX_PICTURES: usize = 76_000;

pub(super) fn section(report: &DriftReport) -> Markup {
    let mut room = MAX_PICTURES;
    let mut pictured = |images: &[ShownImage]| -> Vec<ShownImage> {
        images.iter().map(|image| fitted(image, &mut room)).collect()
    };
    let (unusual_images, images_to_label) = (pictured(&report.unusual), pictured(&report.to_label));
    html! {
        @if !report.unusual.is_empty() {
            section aria-labelledby="unusual" {
                h2 #unusual { "Most unusual images" }
                p.lead {
                    "With their p-values: the share of images like those of the reference that are at least as unusual. At "
                    "most two of a case."
                }
                ul.gallery { @for image in &unusual_images { (unusual(image)) } }
            }
        }
        @if !report.to_label.is_empty() {
            section aria-labelledby="to-label" {
                h2 #to-label { "Images to label" }
                p.lead {
                    @if report.outcome() == Outcome::Drift { "Labels tell whether the masks are still right. " }
                    "The model is uncertain of these images, and they differ from each other, so that their corrected masks would "
                    "tell most. The predictor takes a mask at " code { "PUT /predictions/ID/label" } "; the next report compares it."
                }
                ol.gallery { @for image in &images_to_label { (to_label(image)) } }
            }
        }
    }
}

/// Returns an image, without its picture if that is larger than the room that is left.
fn fitted(image: &ShownImage, room: &mut usize) -> ShownImage {
    let mut image = image.clone();
    image.thumbnail = image.thumbnail.filter(|picture| picture.len() <= *room);
    *room -= image.thumbnail.as_ref().map_or(0, String::len);
    image
}

fn unusual(image: &ShownImage) -> Markup {
    html! {
        li {
            (picture(image))
            p.of-case { (case(image)) }
            p { (image.drift_score.map_or_else(String::new, p_with_sign)) }
        }
    }
}

fn to_label(image: &ShownImage) -> Markup {
    html! {
        li {
            (picture(image))
            p.of-case { (case(image)) }
            p { "confidence " (format!("{:.0}\u{202f}%", image.confidence * 100.0)) }
            @match &image.link {
                Some(link) => { p { a href=(link) { "record" } " · " a href={ (link) "/mask" } { "mask" } } }
                None => { p.key-text { (image.id) } }
            }
        }
    }
}

/// The image, linked to its mask where the predictor is known.
fn picture(image: &ShownImage) -> Markup {
    let text = format!("Image {}", image.id);
    let picture = html! {
        @match &image.thumbnail {
            Some(uri) => { img src=(uri) alt=(text) title=(image.id); }
            None => { span.no-image role="img" aria-label=(text) title=(image.id) { "no picture" } }
        }
    };
    match &image.link {
        Some(link) => html! { a href={ (link) "/mask" } { (picture) } },
        None => picture,
    }
}

fn case(image: &ShownImage) -> &str {
    image.case.as_deref().unwrap_or("no case")
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{About, Options, Table, detect};

    fn image(link: Option<&str>) -> ShownImage {
        ShownImage {
            id: "0198c2a5".to_owned(),
            case: Some("TCGA-A2-A0D2".to_owned()),
            confidence: 0.61,
            drift_score: Some(0.004),
            mask: "masks/m.png".to_owned(),
            record: "records/r.json".to_owned(),
            link: link.map(str::to_owned),
            thumbnail: Some("data:image/png;base64,AAAA".to_owned()),
        }
    }

    fn page(unusual: Vec<ShownImage>, to_label: Vec<ShownImage>) -> String {
        let options = Options::new(About::new("r", Timestamp::UNIX_EPOCH));
        let report = detect(&Table::default(), &Table::default(), options).unwrap();
        section(&DriftReport { unusual, to_label, ..report }).into_string()
    }

    #[test]
    fn images_are_shown_with_links_where_the_predictor_is_known() {
        let link = "https://predictor.example.org/predictions/0198c2a5";
        let text = page(vec![image(None)], vec![image(Some(link))]);
        assert!(text.contains("p = 0.0040") && text.contains("confidence 61\u{202f}%"), "{text}");
        assert!(text.contains(&format!("<a href=\"{link}/mask\">mask</a>")), "{text}");
        assert_eq!(text.matches("src=\"data:image/png;base64,AAAA\"").count(), 2);
        assert!(!page(Vec::new(), Vec::new()).contains("<h2"));
    }

    #[test]
    fn images_without_a_picture_are_named() {
        let text = page(Vec::new(), vec![ShownImage { thumbnail: None, ..image(None) }]);
        assert!(text.contains("no picture") && text.contains("<p class=\"key-text\">0198c2a5</p>"), "{text}");
    }
}
