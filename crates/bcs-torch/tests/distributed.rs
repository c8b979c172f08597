//! Groups of processes. The test program starts itself once per rank: the environment tells a copy its rank.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use bcs_torch::distributed::batch_norm::{batch_norm, synchronized};
use bcs_torch::distributed::{Error, Group, Reducer, Rendezvous};
use tch::{Device, Kind, Tensor};

const RANK: &str = "BCS_TEST_RANK";
const SIZE: &str = "BCS_TEST_SIZE";
const PORT: &str = "BCS_TEST_PORT";

/// Time after which a wait fails.
const TIMEOUT: Duration = Duration::from_secs(120);

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn rendezvous([rank, size]: [usize; 2], port: u16, timeout: Duration) -> Rendezvous {
    Rendezvous {
        host: "127.0.0.1".to_owned(),
        port,
        serves: rank == 0,
        prefix: "test".to_owned(),
        rank,
        size,
        interface: Some("lo".to_owned()),
        timeout,
    }
}

/// In a copy of this program, runs `work` as the rank that it is; else starts `size` copies that run this test.
fn in_processes(test: &str, size: usize, work: impl FnOnce(&Rc<Group>)) -> Vec<Child> {
    in_processes_within(TIMEOUT, test, size, work)
}

fn in_processes_within(
    timeout: Duration,
    test: &str,
    size: usize,
    work: impl FnOnce(&Rc<Group>),
) -> Vec<Child> {
    let number = |name: &str| std::env::var(name).ok()?.parse().ok();
    if let (Some(rank), Some(size), Some(port)) = (number(RANK), number(SIZE), number(PORT)) {
        let rendezvous = rendezvous([rank, size], u16::try_from(port).unwrap(), timeout);
        tch::set_num_threads(1);
        work(&Rc::new(Group::join(&rendezvous, &format!("host-{rank}")).unwrap()));
        std::process::exit(0);
    }
    let port = free_port();
    let start = |rank: usize| {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .envs([(RANK, rank.to_string()), (SIZE, size.to_string()), (PORT, port.to_string())])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    (0..size).map(start).collect()
}

fn succeed(processes: Vec<Child>) {
    for (rank, process) in processes.into_iter().enumerate() {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "rank {rank}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

fn collectives(group: &Rc<Group>) {
    let (rank, size) = (group.rank() as f64, group.size() as f64);
    let mut tensor = Tensor::from_slice(&[rank, 10.0 * rank]);
    group.all_reduce(&mut tensor, "sum").unwrap();
    let sum = size * (size - 1.0) / 2.0;
    assert_eq!(Vec::<f64>::try_from(tensor).unwrap(), [sum, 10.0 * sum]);
    assert_eq!(group.sum(&[1.0, rank], "sum").unwrap(), [size, sum]);

    let mut tensor = Tensor::from_slice(&[group.rank() as i64 + 7]);
    group.broadcast(&mut tensor, group.size() - 1, "copy").unwrap();
    assert_eq!(tensor.int64_value(&[0]), group.size() as i64 + 6);
    let bytes = (group.rank() == 0).then_some(&b"state of rank 0"[..]);
    assert_eq!(group.broadcast_bytes(bytes, "copy").unwrap(), b"state of rank 0");
    assert!(group.broadcast_bytes(bytes.map(|_| &b""[..]), "copy").unwrap().is_empty());

    let gathered = group.all_gather(&Tensor::from_slice(&[rank as f32]), "collection").unwrap();
    let gathered: Vec<f64> = gathered.iter().map(|tensor| tensor.double_value(&[0])).collect();
    assert_eq!(gathered, (0..group.size()).map(|rank| rank as f64).collect::<Vec<_>>());
    group.barrier("end").unwrap();
}

#[test]
fn collectives_of_two_processes() {
    succeed(in_processes("collectives_of_two_processes", 2, collectives));
}

#[test]
fn collectives_of_four_processes() {
    succeed(in_processes("collectives_of_four_processes", 4, collectives));
}

/// Two layers; one parameter takes no part in the loss.
fn parameters(kind: Kind) -> Vec<Tensor> {
    let parameter = |shape: &[i64]| {
        let count: i64 = shape.iter().product();
        let values = Tensor::arange(count, (Kind::Float, Device::Cpu)).sin().reshape(shape);
        values.to_kind(kind).set_requires_grad(true)
    };
    vec![parameter(&[5, 3]), parameter(&[5]), parameter(&[1, 5]), parameter(&[4])]
}

fn loss(parameters: &[Tensor], images: &Tensor) -> Tensor {
    let hidden = images.to_kind(parameters[0].kind()).linear(&parameters[0], Some(&parameters[1])).tanh();
    hidden.linear(&parameters[2], None::<&Tensor>).square().sum(Kind::Float)
}

fn examples(of: std::ops::Range<i64>) -> Tensor {
    let all = Tensor::arange(8 * 3, (Kind::Float, Device::Cpu)).cos().reshape([8, 3]);
    all.narrow(0, of.start, of.end - of.start)
}

fn gradients(group: &Rc<Group>, kind: Kind, tolerance: f64) {
    let own = parameters(kind);
    // Several buckets.
    let reducer = Reducer::new(Rc::clone(group), &own, 32).unwrap();
    let share = 8 / group.size() as i64;
    let first = group.rank() as i64 * share;
    for step in 0..3 {
        own.iter().for_each(|tensor| tensor.shallow_clone().zero_grad());
        // Two batches, of which the first is not reduced on its own.
        reducer.backward(&loss(&own, &examples(first..first + share)), false).unwrap();
        assert_eq!(reducer.take_reductions(), [], "an accumulated gradient was sent");
        reducer.backward(&loss(&own, &examples(first..first + share)), true).unwrap();
        let reductions = reducer.take_reductions();
        assert!(reductions.len() > 1, "step {step}: {} buckets", reductions.len());
        assert!(reductions.iter().all(|reduction| reduction.begin <= reduction.end));
        let whole = parameters(kind);
        (loss(&whole, &examples(0..8)) * 2.0).backward();
        for (own, whole) in own.iter().zip(&whole).take(3) {
            let difference = (own.grad() - whole.grad()).to_kind(Kind::Double).abs().max().double_value(&[]);
            assert!(difference < tolerance, "step {step}: {difference}");
        }
        assert!(!own[3].grad().defined() || own[3].grad().abs().max().double_value(&[]) == 0.0);
    }
}

#[test]
fn gradients_are_sums_over_ranks() {
    succeed(in_processes("gradients_are_sums_over_ranks", 2, |group| gradients(group, Kind::Float, 1e-5)));
}

#[test]
fn gradients_of_bfloat16_are_sums_over_ranks() {
    let test = "gradients_of_bfloat16_are_sums_over_ranks";
    succeed(in_processes(test, 4, |group| gradients(group, Kind::BFloat16, 0.2)));
}

/// Output and gradients of a batch norm whose images are `images`, with running statistics.
fn normalized(images: &Tensor, rows: std::ops::Range<i64>, synchronous: bool) -> Vec<Tensor> {
    let leaf = |values: &[f32]| Tensor::from_slice(values).set_requires_grad(true);
    let (weight, bias) = (leaf(&[1.5, -0.5]), leaf(&[0.1, 0.2]));
    let (mean, variance) = (Tensor::from_slice(&[0.0f32; 2]), Tensor::from_slice(&[1.0f32; 2]));
    let images = images.narrow(0, rows.start, rows.end - rows.start).copy().set_requires_grad(true);
    let output = if synchronous {
        batch_norm(&images, Some([&weight, &bias]), Some([&mean, &variance]), 0.1, 1e-5).unwrap().unwrap()
    } else {
        images.batch_norm(Some(&weight), Some(&bias), Some(&mean), Some(&variance), true, 0.1, 1e-5, false)
    };
    let factors = Tensor::arange(8 * 2 * 9, (Kind::Float, Device::Cpu)).sin().reshape([8, 2, 3, 3]);
    let factors = factors.narrow(0, rows.start, rows.end - rows.start);
    (&output * factors).sum(Kind::Float).backward();
    vec![output.detach(), images.grad(), mean, variance, weight.grad(), bias.grad()]
}

#[test]
fn batch_norm_has_the_statistics_of_all_ranks() {
    let work = |group: &Rc<Group>| {
        let images =
            Tensor::arange(8 * 2 * 9, (Kind::Float, Device::Cpu)).cos().reshape([8, 2, 3, 3]) * 2.0 + 1.0;
        // Uneven shares, and none at all on the last rank, which takes part with images that are not counted.
        let rows = [0..5, 5..7, 7..8, 0..2][group.rank()].clone();
        let counted = group.rank() < 3;
        let mut own = synchronized(group, counted, || normalized(&images, rows.clone(), true));
        assert!(batch_norm(&images, None, None, 0.1, 1e-5).unwrap().is_none(), "the scope goes on");
        let whole = normalized(&images, 0..8, false);
        // Gradients of weight and bias are sums over ranks, as a reducer makes them.
        for gradient in &mut own[4..] {
            if !counted {
                *gradient = gradient.zeros_like();
            }
            group.all_reduce(gradient, "sum").unwrap();
        }
        for (at, (own, whole)) in own.iter().zip(&whole).enumerate() {
            if at < 2 && !counted {
                continue;
            }
            let whole = if at < 2 {
                whole.narrow(0, rows.start, rows.end - rows.start)
            } else {
                whole.shallow_clone()
            };
            let difference = (own - whole).abs().max().double_value(&[]);
            assert!(difference < 1e-5, "tensor {at}: {difference}");
        }
    };
    succeed(in_processes("batch_norm_has_the_statistics_of_all_ranks", 4, work));
}

/// Meets the others at barriers until that fails, and returns the message.
fn failure(group: &Group) -> String {
    loop {
        if let Err(error) = group.barrier("step") {
            break error.to_string();
        }
    }
}

#[test]
fn a_rank_that_dies_is_named_by_the_others_however_slow_they_are() {
    let work = |group: &Rc<Group>| {
        group.barrier("start").unwrap();
        match group.rank() {
            2 => std::process::abort(),
            // Longer than a process may be silent.
            1 => std::thread::sleep(Duration::from_secs(12)),
            _ => {}
        }
        let text = failure(group);
        let expected = format!("rank {} of 3: rank 2 (host-2) is lost, which ended the step: ", group.rank());
        assert!(text.starts_with(&expected), "{text}");
    };
    let test = "a_rank_that_dies_is_named_by_the_others_however_slow_they_are";
    let mut processes = in_processes(test, 3, work);
    let lost = processes.pop().unwrap().wait_with_output().unwrap();
    assert!(!lost.status.success());
    succeed(processes);
}

#[test]
fn a_rank_that_ends_by_an_error_is_named_with_it() {
    let work = |group: &Rc<Group>| {
        group.barrier("start").unwrap();
        if group.rank() == 1 {
            return group.leave(&"the disk is full");
        }
        let (text, rank) = (failure(group), group.rank());
        let expected =
            format!("rank {rank} of 3: rank 1 (host-1) has ended (the disk is full), which ended the step: ");
        assert!(text.starts_with(&expected), "{text}");
    };
    succeed(in_processes("a_rank_that_ends_by_an_error_is_named_with_it", 3, work));
}

#[test]
fn a_rank_that_hangs_is_named() {
    let work = |group: &Rc<Group>| {
        group.barrier("start").unwrap();
        if group.rank() == 1 {
            // The others have left by then.
            std::thread::sleep(Duration::from_secs(18));
            return;
        }
        let text = failure(group);
        assert!(
            text.starts_with("rank 0 of 2: rank 1 (host-1) has not taken part, which ended the "),
            "{text}"
        );
    };
    let timeout = Duration::from_secs(20);
    succeed(in_processes_within(timeout, "a_rank_that_hangs_is_named", 2, work));
}

#[test]
fn a_rank_that_never_comes_is_named() {
    let error =
        Group::join(&rendezvous([0, 2], free_port(), Duration::from_millis(300)), "here").unwrap_err();
    assert!(matches!(&error, Error::Missing { ranks, .. } if ranks == &[1]), "{error}");
    let error =
        Group::join(&rendezvous([1, 2], free_port(), Duration::from_millis(300)), "here").unwrap_err();
    assert!(matches!(&error, Error::Store { serves: false, .. }), "{error}");
    assert!(error.to_string().contains("is rank 0 running there?"), "{error}");
}
