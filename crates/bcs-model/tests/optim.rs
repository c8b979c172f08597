//! Optimizers and schedules compared with PyTorch's.

use std::path::Path;

use bcs_model::optim::{Algorithm, Average, Optimizer, Parameters, Plateau, Position, Schedule};
use serde_json::{Map, Value, json};
use tch::Tensor;

fn golden() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/optim.json");
    serde_json::from_slice(&std::fs::read(path).expect("the golden file exists")).expect("it is JSON")
}

fn cases<'a>(golden: &'a Value, kind: &str) -> &'a [Value] {
    golden[kind].as_array().expect("a list of cases")
}

fn arguments(case: &Value) -> Map<String, Value> {
    case["arguments"].as_object().expect("arguments by name").clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|number| number.as_f64().expect("a number")).collect()
}

fn floats(value: &Value) -> Vec<f32> {
    numbers(value).into_iter().map(|number| number as f32).collect()
}

/// One vector of the parameters of all tensors.
fn vector(tensors: &Value) -> Vec<f32> {
    tensors.as_array().expect("a list").iter().flat_map(floats).collect()
}

fn parameters(case: &Value) -> Parameters {
    let shapes = case["shapes"].as_array().expect("shapes").iter();
    let tensors = shapes.zip(case["initial"].as_array().expect("tensors")).enumerate();
    let named = tensors.map(|(at, (shape, values))| {
        let shape: Vec<i64> = numbers(shape).into_iter().map(|length| length as i64).collect();
        (format!("p{at}"), Tensor::from_slice(&floats(values)).view(shape.as_slice()))
    });
    Parameters::of(named.collect()).expect("there are parameters")
}

fn algorithm(case: &Value) -> Algorithm {
    let name = case["name"].as_str().expect("a name");
    Algorithm::new(name, case["weight_decay"].as_f64(), &arguments(case)).expect("it is known")
}

fn values(tensor: &Tensor) -> Vec<f32> {
    Vec::try_from(tensor).expect("a vector of float32")
}

#[test]
fn steps_are_those_of_pytorch() {
    let golden = golden();
    for case in cases(&golden, "optimizers") {
        let mut parameters = parameters(case);
        let mut optimizer = Optimizer::new(algorithm(case), &parameters).unwrap();
        let rates = numbers(&case["rates"]);
        for (step, rate) in rates.into_iter().enumerate() {
            let gradient = Tensor::from_slice(&vector(&case["gradients"][step]));
            optimizer.step(&mut parameters, &gradient, rate).unwrap();
            let expected = vector(&case["after"][step]);
            for (found, expected) in values(parameters.vector()).iter().zip(&expected) {
                let difference = (found - expected).abs();
                assert!(difference <= 2e-7 * expected.abs().max(1.0), "{}: {found} {expected}", case["name"]);
            }
            let network: Vec<f32> =
                parameters.tensors().iter().flat_map(|tensor| values(&tensor.flatten(0, -1))).collect();
            assert_eq!(network, values(parameters.vector()));
        }
    }
}

#[test]
fn an_optimizer_goes_on_from_its_saved_state() {
    let golden = golden();
    for case in cases(&golden, "optimizers") {
        let gradient = |step: usize| Tensor::from_slice(&vector(&case["gradients"][step]));
        let mut whole = parameters(case);
        let mut optimizer = Optimizer::new(algorithm(case), &whole).unwrap();
        let mut average = Average::new(0.9, &whole).unwrap();
        let mut resumed = None;
        for step in 0..5 {
            if step == 2 {
                let mut copy = parameters(case);
                _ = copy.replace(whole.vector()).unwrap();
                let mut other = Optimizer::new(algorithm(case), &copy).unwrap();
                other.load(&copy, &optimizer.state(&whole).unwrap()).unwrap();
                let mut other_average = Average::new(0.9, &copy).unwrap();
                other_average.load(&copy, &average.state(&whole).unwrap()).unwrap();
                resumed = Some((copy, other, other_average));
            }
            optimizer.step(&mut whole, &gradient(step), 0.1).unwrap();
            average.update(&whole).unwrap();
            if let Some((parameters, optimizer, average)) = &mut resumed {
                optimizer.step(parameters, &gradient(step), 0.1).unwrap();
                average.update(parameters).unwrap();
            }
        }
        let (parameters, _, other_average) = resumed.unwrap();
        assert_eq!(values(parameters.vector()), values(whole.vector()), "{}", case["name"]);
        assert_eq!(values(other_average.vector()), values(average.vector()));
        assert_ne!(values(average.vector()), values(whole.vector()));
    }
}

#[test]
fn the_state_of_other_parameters_is_refused() {
    let golden = golden();
    let case = &cases(&golden, "optimizers")[3];
    let parameters = parameters(case);
    let mut optimizer = Optimizer::new(algorithm(case), &parameters).unwrap();
    let mut state = optimizer.state(&parameters).unwrap();
    state.insert("exp_avg.p0".to_owned(), Tensor::from_slice(&[1.0_f32]));
    let error = optimizer.load(&parameters, &state).unwrap_err().to_string();
    assert!(error.contains("exp_avg.p0") && error.contains("[3, 2, 2]"), "{error}");
    state.remove("exp_avg.p0");
    assert!(optimizer.load(&parameters, &state).unwrap_err().to_string().contains("missing exp_avg.p0"));
}

#[test]
fn invalid_optimizers_are_named() {
    for (name, given, expected) in [
        ("Adamw", json!({}), "optimizer is 'Adamw'; the optimizers are SGD, Adam, AdamW"),
        ("SGD", json!({"betas": [0.9, 0.9]}), "optimizer_arguments.betas is unknown"),
        ("SGD", json!({"nesterov": true}), "optimizer_arguments.nesterov needs a momentum"),
        ("Adam", json!({"betas": [0.9, 1.0]}), "optimizer_arguments.betas is 1; it must be in [0, 0.99"),
    ] {
        let error = Algorithm::new(name, None, given.as_object().unwrap()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn schedules_are_those_of_pytorch() {
    let golden = golden();
    for case in cases(&golden, "schedules") {
        let name = case["name"].as_str().unwrap();
        let schedule = Schedule::new(name, &arguments(case)).unwrap();
        let batches = case["batches"].as_u64().unwrap() as usize;
        let expected = numbers(&case["factors"]);
        for (step, expected) in expected.iter().enumerate() {
            let steps = numbers(&case["factors"]).len();
            let position = Position { step, steps, epoch: step / batches };
            let found = schedule.factor(position);
            assert!((found - expected).abs() < 1e-9, "{name}, step {step}: {found} {expected}");
        }
    }
}

#[test]
fn plateaus_are_those_of_pytorch() {
    let golden = golden();
    for case in cases(&golden, "plateaus") {
        let Schedule::Plateau(arguments) = Schedule::new("plateau", &arguments(case)).unwrap() else {
            panic!("another schedule");
        };
        let mut plateau = Plateau::default();
        for (score, expected) in numbers(&case["scores"]).into_iter().zip(numbers(&case["factors"])) {
            plateau.update(&arguments, score);
            assert!((plateau.factor - expected).abs() < 1e-12, "{case}: {score}: {}", plateau.factor);
        }
    }
}
