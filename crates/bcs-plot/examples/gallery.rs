//! Writes a page with all plots, to look at them: `cargo run -p bcs-plot --example gallery > gallery.html`.

use bcs_plot::{
    Axis, Bar, BarChart, Distribution, Distributions, HeatMap, Line, LineChart, Mark, ParallelCoordinates,
    STYLE, Scale, Series, Value,
};
use maud::{DOCTYPE, PreEscaped, html};

const PAGE: &str = ":root { color-scheme: light dark; } body { margin: 24px; } .plots { display: grid; gap: 32px; \
    grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr)); }";

fn main() {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { "Plots" } style { (PreEscaped(PAGE)) (PreEscaped(STYLE)) } }
            body {
                div.plots {
                    (curves().render())
                    (rates().render())
                    (scores().render())
                    (images().render())
                    (confusion().render())
                }
                (sweep().render())
            }
        }
    };
    println!("{}", page.into_string());
}

/// Values between 0 and 1 that look irregular.
fn noise(index: usize) -> f64 {
    (index as f64 * 12.9898).sin().abs() * 437.5453 % 1.0
}

fn curves() -> LineChart {
    let curve = |series: usize, name: &str| Series {
        name: name.to_owned(),
        points: (0..60)
            .map(|x| {
                let rise = 1.0 - (-(x as f64) / (8.0 + 4.0 * series as f64)).exp();
                (x as f64, (0.9 - 0.1 * series as f64) * rise + 0.05 * noise(x + 60 * series))
            })
            .collect(),
    };
    let names = ["tumour", "stroma", "inflammatory", "necrosis", "other"];
    LineChart {
        title: "Dice per class".to_owned(),
        x_label: "epoch".to_owned(),
        y_range: Some([0.0, 1.0]),
        series: names.iter().enumerate().map(|(series, name)| curve(series, name)).collect(),
        mark: Some(Mark { x: 52.0, label: "best, epoch 52".to_owned() }),
        ..LineChart::default()
    }
}

fn rates() -> LineChart {
    let points = (0..200).map(|x| (f64::from(x), 1e-3 * 10_f64.powf(-f64::from(x) / 60.0))).collect();
    LineChart {
        title: "Learning rate".to_owned(),
        x_label: "step".to_owned(),
        y_scale: Scale::Log,
        series: vec![Series { name: "learning rate".to_owned(), points }],
        ..LineChart::default()
    }
}

fn scores() -> BarChart {
    let bar = |value: f64, spread: f64| Bar { value, interval: Some([value - spread, value + spread]) };
    BarChart {
        title: "Pooled Dice with 95 % intervals".to_owned(),
        series: vec!["A".to_owned(), "B".to_owned()],
        groups: vec![
            ("tumour".to_owned(), vec![bar(0.83, 0.05), bar(0.86, 0.04)]),
            ("stroma".to_owned(), vec![bar(0.71, 0.08), bar(0.70, 0.09)]),
            (
                "inflammatory infiltrate".to_owned(),
                vec![bar(0.4, 0.2), Bar { value: f64::NAN, interval: None }],
            ),
        ],
        range: [0.0, 1.0],
    }
}

fn images() -> Distributions {
    let row = |name: &str, power: f64| Distribution {
        name: name.to_owned(),
        values: (0..300).map(|index| noise(index).powf(power)).collect(),
    };
    Distributions {
        title: "Dice of single images".to_owned(),
        colors: Vec::new(),
        range: [0.0, 1.0],
        rows: vec![
            row("tumour", 0.2),
            row("stroma", 0.5),
            Distribution { name: "fat".to_owned(), values: vec![] },
        ],
    }
}

fn confusion() -> HeatMap {
    HeatMap {
        title: "Confusion matrix".to_owned(),
        row_label: "truth".to_owned(),
        column_label: "prediction".to_owned(),
        names: ["tumour", "stroma", "inflammatory", "necrosis"].map(str::to_owned).to_vec(),
        counts: vec![
            vec![4_560_000, 300_000, 12_000, 900],
            vec![420_000, 2_100_000, 96_000, 0],
            vec![80_000, 120_000, 340_000, 5_000],
            vec![0, 0, 0, 0],
        ],
    }
}

fn sweep() -> ParallelCoordinates {
    let lines: Vec<Line> = (0..40)
        .map(|index| {
            let rate = 10_f64.powf(-5.0 + 3.0 * noise(index));
            let model = ["UNet", "FlexibleUNet", "SegResNet"][index % 3];
            let loss = ["DiceCE", "Focal"][index / 3 % 2];
            let score =
                0.8 - 0.1 * (rate.log10() + 3.3).abs() + 0.03 * (index % 3) as f64 + 0.02 * noise(7 * index);
            Line {
                name: format!("run {index}"),
                values: vec![
                    Some(Value::Number(rate)),
                    Some(Value::Text(model.to_owned())),
                    (index % 9 != 0).then(|| Value::Number((8 << (index % 3)) as f64)),
                    Some(Value::Text(loss.to_owned())),
                    Some(Value::Number(0.1 * (noise(3 * index) * 10.0).floor())),
                ],
                score: (index % 11 != 0).then_some(score),
            }
        })
        .collect();
    let names = [
        "train_hyp.learning_rate",
        "model_hyp",
        "train_hyp.training_batch_size",
        "train_hyp.loss",
        "augmentation.noise.probability",
    ];
    let column = |index: usize| lines.iter().filter_map(move |line: &Line| line.values[index].as_ref());
    let axes = names.iter().enumerate().map(|(index, name)| Axis::fitting(*name, column(index))).collect();
    ParallelCoordinates {
        title: "Runs of the sweep".to_owned(),
        axes,
        score: "val_metric".to_owned(),
        maximize: true,
        lines,
    }
}
