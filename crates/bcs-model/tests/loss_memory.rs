//! Memory of the losses, by the peak resident set of this process: the only test of its binary.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

use bcs_model::losses::{Loss, build, names};
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};

const CLASSES: i64 = 5;

/// One map of this size is above glibc's threshold of 32 MiB, so that its memory goes back to the system when it is freed.
const SIDE: i64 = 2912;

/// Bytes of the logits.
const FULL_SIZE: f64 = (CLASSES * SIDE * SIDE * 4) as f64;

/// The one-hot target and two more.
const MOST_TENSORS: f64 = 3.0;

/// Bytes of a line of the process's status.
fn status(key: &str) -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with(key)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() * 1024.0
}

/// The peak of forward and backward pass beside logits and target, in tensors as large as the logits. The gradient, which
/// outlives both passes, is one of them.
fn peak(loss: &dyn Loss, logits: &Tensor, target: &Tensor) -> f64 {
    let logits = logits.detach().set_requires_grad(true);
    // Resets the peak.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = status("VmRSS");
    loss.forward(&logits, target).unwrap().backward();
    (status("VmHWM") - before) / FULL_SIZE
}

fn argument_sets(name: &str) -> Vec<Value> {
    match name {
        "Focal" => vec![json!({}), json!({"use_softmax": false, "alpha": 0.3})],
        "DiceCE" => vec![json!({}), json!({"sigmoid": true, "label_smoothing": 0.1})],
        "Dice" => vec![json!({}), json!({"sigmoid": true, "squared_pred": true})],
        _ => vec![json!({}), json!({"sigmoid": true, "batch": true})],
    }
}

#[test]
fn no_loss_builds_more_than_two_full_size_tensors_beside_the_one_hot() {
    let logits = Tensor::randn([1, CLASSES, SIDE, SIDE], (Kind::Float, Device::Cpu));
    let target = Tensor::randint(CLASSES, [1, SIDE, SIDE], (Kind::Int64, Device::Cpu));
    // The measure counts what a computation holds.
    let three = |logits: &Tensor| [logits.exp(), logits.exp(), logits.exp()];
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = status("VmRSS");
    drop(three(&logits));
    let held = (status("VmHWM") - before) / FULL_SIZE;
    assert!((2.8..3.2).contains(&held), "{held} of 3 tensors");
    for name in names() {
        for arguments in argument_sets(name) {
            let loss = build(name, arguments.as_object().unwrap(), None, true).unwrap();
            let peak = peak(&*loss, &logits, &target);
            println!("{name} {arguments}: {peak:.2}");
            assert!(peak <= MOST_TENSORS, "{name} {arguments} holds {peak:.2} tensors");
        }
    }
}
