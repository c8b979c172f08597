//! The operations against the layers of libtorch that they replace.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

use bcs_torch::{ConvTransposeOptions, conv_transpose2d, instance_norm_prelu};
use tch::{Device, Kind, Tensor};

const EPS: f64 = 1e-5;

/// Images of normally distributed values with a mean of 3, channels last in memory.
fn images(shape: [i64; 4], kind: Kind) -> Tensor {
    let values = Tensor::randn(shape, (Kind::Float, Device::Cpu)) * 2.0 + 3.0;
    channels_last(&values.to_kind(kind)).set_requires_grad(true)
}

fn channels_last(images: &Tensor) -> Tensor {
    images.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
}

/// A leaf with the same values.
fn copy(tensor: &Tensor) -> Tensor {
    tensor.detach().copy().set_requires_grad(true)
}

/// The greatest difference, relative to the greatest value.
fn difference(found: &Tensor, expected: &Tensor) -> f64 {
    let (found, expected) = (found.to_kind(Kind::Double), expected.to_kind(Kind::Double));
    ((found - &expected).abs().max() / expected.abs().max()).double_value(&[])
}

/// The greatest difference in float32; in bfloat16 the norm of the difference, relative to that of the values: where a
/// normalized value is 0 but for rounding, the gradient of PReLU may differ.
fn deviation(found: &Tensor, expected: &Tensor) -> f64 {
    if found.kind() == Kind::Float {
        return difference(found, expected);
    }
    let (found, expected) = (found.to_kind(Kind::Double), expected.to_kind(Kind::Double));
    ((found - &expected).norm() / expected.norm()).double_value(&[])
}

fn unfused(input: &Tensor, slope: &Tensor, residual: Option<&Tensor>) -> Tensor {
    let none = None::<&Tensor>;
    let normalized = input.instance_norm(none, none, none, none, true, 0.1, EPS, true);
    let output = normalized.prelu(slope);
    match residual {
        Some(residual) => output + residual,
        None => output,
    }
}

/// Output and gradients of a function, for a gradient that differs from element to element. It is one that bfloat16 can hold:
/// sums of many elements of both signs would otherwise differ by the rounding of each.
fn with_gradients(output: &Tensor, leaves: &[&Tensor]) -> Vec<Tensor> {
    let weights = Tensor::arange(output.numel() as i64, (Kind::Float, Device::Cpu)).sin();
    let weights = weights.to_kind(Kind::BFloat16).to_kind(Kind::Float);
    (output.to_kind(Kind::Float) * weights.view_as(output)).sum(Kind::Float).backward();
    std::iter::once(output.detach()).chain(leaves.iter().map(|leaf| leaf.grad())).collect()
}

#[test]
fn instance_norm_and_prelu_have_the_numbers_of_the_two_layers() {
    // Channels that divide a register, are a multiple of it, and neither; with a part that is not full.
    let shapes =
        [[2, 16, 48, 48], [3, 2, 32, 16], [2, 48, 6, 5], [1, 5, 16, 16], [2, 1, 8, 16], [2, 256, 3, 3]];
    for (kind, most) in [(Kind::Float, 1e-5), (Kind::BFloat16, 2e-2)] {
        for shape in shapes {
            for per_channel in [false, true] {
                tch::manual_seed(1);
                let slopes = if per_channel { shape[1] } else { 1 };
                let slope = Tensor::rand([slopes], (Kind::Float, Device::Cpu)).to_kind(kind);
                let (input, slope, residual) =
                    (images(shape, kind), slope.set_requires_grad(true), images(shape, kind));
                let output = instance_norm_prelu(&input, &slope, Some(&residual), EPS).unwrap().unwrap();
                let found = with_gradients(&output, &[&input, &slope, &residual]);
                // In single precision, the yardstick of both types.
                let leaf = |tensor: &Tensor| copy(&tensor.to_kind(Kind::Float));
                let (input, slope, residual) = (leaf(&input), leaf(&slope), leaf(&residual));
                let output = unfused(&input, &slope, Some(&residual));
                let expected = with_gradients(&output, &[&input, &slope, &residual]);
                let names = ["output", "input", "slope", "residual"];
                for (what, (found, expected)) in names.iter().zip(found.iter().zip(&expected)) {
                    assert_eq!(found.kind(), kind);
                    let error = deviation(found, expected);
                    assert!(error < most, "{kind:?} {shape:?} {what}: {error:e}");
                }
            }
        }
    }
}

#[test]
fn without_a_residual_nothing_is_added() {
    let (input, slope) = (images([2, 16, 8, 8], Kind::Float), Tensor::from_slice(&[0.25_f32]));
    let found = instance_norm_prelu(&input, &slope, None, EPS).unwrap().unwrap();
    assert!(difference(&found, &unfused(&input, &slope, None)) < 1e-5);
}

#[test]
fn a_small_variance_beside_a_large_mean_is_not_lost() {
    let input = images([1, 16, 64, 64], Kind::Float).detach() * 1e-3 + 100.0;
    let (input, slope) = (channels_last(&input), Tensor::from_slice(&[0.25_f32]));
    let found = instance_norm_prelu(&input, &slope, None, EPS).unwrap().unwrap();
    let expected = unfused(&input.to_kind(Kind::Double), &slope.to_kind(Kind::Double), None);
    // One bit of the input is 0.4 % of its standard deviation, one bit of its mean of squares 200 %.
    assert!(difference(&found, &expected) < 1e-2);
}

#[test]
fn nan_stays_nan() {
    for kind in [Kind::Float, Kind::BFloat16] {
        let values = Tensor::full([1, 16, 4, 4], f64::NAN, (kind, Device::Cpu));
        let slope = Tensor::from_slice(&[0.25_f32]).to_kind(kind);
        let output = instance_norm_prelu(&channels_last(&values), &slope, None, EPS).unwrap().unwrap();
        assert!(bool::try_from(output.isnan().all()).unwrap(), "{kind:?}");
    }
}

#[test]
fn other_tensors_are_left_to_the_layers() {
    let slope = Tensor::from_slice(&[0.25_f32]);
    let take =
        |input: &Tensor, slope: &Tensor| instance_norm_prelu(input, slope, None, EPS).unwrap().is_some();
    let input = images([2, 16, 8, 8], Kind::Float);
    assert!(take(&input, &slope));
    assert!(!take(&input.contiguous(), &slope), "channels first");
    assert!(!take(&input.to_kind(Kind::Double), &slope), "double precision");
    assert!(!take(&input, &Tensor::from_slice(&[0.1_f32, 0.2])), "another number of slopes");
    assert!(!take(&images([1, 2, 3, 3], Kind::Float), &slope), "not a multiple of a register");
    let options = ConvTransposeOptions { stride: [2, 2], padding: [1, 1], output_padding: [1, 1], groups: 1 };
    let weight = Tensor::rand([16, 4, 3, 3], (Kind::Float, Device::Cpu));
    let transposed = |input: &Tensor| conv_transpose2d(input, &weight, None, options).unwrap().is_some();
    assert!(transposed(&input) && !transposed(&input.contiguous()));
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    let run = |threads: i32| {
        tch::set_num_threads(threads);
        tch::manual_seed(2);
        let (input, slope) = (images([3, 16, 96, 96], Kind::BFloat16), Tensor::from_slice(&[0.25_f32]));
        let slope = slope.to_kind(Kind::BFloat16).set_requires_grad(true);
        let output = instance_norm_prelu(&input, &slope, None, EPS).unwrap().unwrap();
        with_gradients(&output, &[&input, &slope])
    };
    let (one, three) = (run(1), run(3));
    assert!(one.iter().zip(&three).all(|(one, three)| one.equal(three)));
}

#[test]
fn transposed_convolutions_have_the_gradients_of_libtorch() {
    for (kind, most) in [(Kind::Float, 1e-5), (Kind::BFloat16, 2e-2)] {
        for (inputs, outputs, stride, kernel, groups) in
            [(32, 16, 2, 3, 1), (6, 2, 2, 3, 1), (8, 8, 1, 3, 2), (4, 6, 3, 5, 1)]
        {
            tch::manual_seed(3);
            let padding = (kernel - 1) / 2;
            let output_padding = stride + 2 * padding - kernel;
            let options = ConvTransposeOptions {
                stride: [stride; 2],
                padding: [padding; 2],
                output_padding: [output_padding; 2],
                groups,
            };
            let random = |shape: &[i64]| {
                let values = Tensor::randn(shape, (Kind::Float, Device::Cpu)).to_kind(kind);
                values.set_requires_grad(true)
            };
            let (input, weight, bias) = (
                images([2, inputs, 12, 10], kind),
                random(&[inputs, outputs / groups, kernel, kernel]),
                random(&[outputs]),
            );
            let output = conv_transpose2d(&input, &weight, Some(&bias), options).unwrap().unwrap();
            let found = with_gradients(&output, &[&input, &weight, &bias]);
            let leaf = |tensor: &Tensor| copy(&tensor.to_kind(Kind::Float));
            let (input, weight, bias) = (leaf(&input), leaf(&weight), leaf(&bias));
            let ConvTransposeOptions { stride, padding, output_padding, groups } = options;
            let output =
                input.conv_transpose2d(&weight, Some(&bias), stride, padding, output_padding, groups, [1, 1]);
            let expected = with_gradients(&output, &[&input, &weight, &bias]);
            for (found, expected) in found.iter().zip(&expected) {
                assert_eq!(found.size(), expected.size());
                let error = deviation(found, expected);
                assert!(error < most, "{kind:?} {inputs} to {outputs}, stride {stride:?}: {error:e}");
            }
        }
    }
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let options = ConvTransposeOptions { stride: [2, 2], padding: [1, 1], output_padding: [1, 1], groups: 1 };
    let weight = Tensor::rand([8, 4, 3, 3], (Kind::Float, Device::Cpu));
    let error = conv_transpose2d(&images([1, 16, 8, 8], Kind::Float), &weight, None, options).unwrap_err();
    assert!(error.to_string().contains("16"), "{error}");
}

#[test]
fn planes_give_back_the_order_and_type_of_the_images() {
    for kind in [Kind::Float, Kind::BFloat16] {
        let images = images([2, 3, 4, 5], kind);
        let planes = bcs_torch::planes(&images).unwrap();
        assert!(planes.is_contiguous() && planes.kind() == Kind::Float);
        assert!(planes.equal(&images.to_kind(Kind::Float)));
        // The gradient of the sum of squares.
        (&planes * &planes).sum(Kind::Float).backward();
        let gradient = images.grad();
        assert_eq!((gradient.kind(), gradient.stride()), (kind, images.stride()));
        assert!(gradient.equal(&(images.detach() * 2.0)));
    }
}

#[test]
fn a_step_of_adam_is_that_of_its_definition() {
    let random = || Tensor::rand([1003], (Kind::Float, Device::Cpu));
    let step = bcs_torch::AdamStep {
        betas: [0.9, 0.99],
        eps: 1e-3,
        keep: 0.98,
        penalty: 0.1,
        step_size: 0.05,
        correction: 0.7,
    };
    let (mut parameters, gradients, mut averages, mut squares) = (random(), random(), random(), random());
    let gradient = &gradients + &parameters * 0.1;
    let average = &averages * 0.9 + &gradient * 0.1;
    let square = &squares * 0.99 + &gradient * &gradient * 0.01;
    let expected = &parameters * 0.98 - &average * 0.05 / (square.sqrt() / 0.7 + 1e-3);
    let taken =
        bcs_torch::adam_step(&mut parameters, &gradients, &mut averages, &mut squares, &step).unwrap();
    assert!(taken);
    for (found, expected) in [(&parameters, expected), (&averages, average), (&squares, square)] {
        assert!(difference(found, &expected) < 1e-6);
    }
    let mut double = parameters.to_kind(Kind::Double);
    assert!(!bcs_torch::adam_step(&mut double, &gradients, &mut averages, &mut squares, &step).unwrap());
}
