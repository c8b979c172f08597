//! Style sheet, and plots as files.

use maud::Markup;

/// Style sheet of all plots. The colours of text and rules are those of the page where it defines `--ink`, `--muted` and
/// `--rule`.
pub const STYLE: &str = include_str!("style.css");

/// Returns a plot as the contents of an `.svg` file.
pub fn document(plot: &Markup) -> String {
    let text = plot.0.replacen("<svg ", "<svg xmlns=\"http://www.w3.org/2000/svg\" ", 1);
    // `>` is escaped in attributes.
    match text.split_once('>') {
        Some((tag, rest)) => format!("{tag}><style>{STYLE}</style>{rest}\n"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use maud::html;

    use super::*;

    #[test]
    fn a_file_has_name_space_and_style() {
        let document = document(&html! { svg class="bcs-plot" aria-label="a > b" { text { "x" } } });
        assert!(document.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"bcs-plot\""));
        assert!(document.contains("aria-label=\"a &gt; b\"><style>") && document.ends_with("</svg>\n"));
        assert!(!STYLE.contains('<') && !STYLE.contains('&'), "not well-formed in XML");
    }
}
