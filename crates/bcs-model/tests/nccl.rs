//! Process groups between GPUs.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

use std::net::TcpListener;
use std::rc::Rc;
use std::time::Duration;

use bcs_model::device;
use bcs_torch::distributed::{Group, Reducer, Rendezvous};
use tch::{Device, Kind, Tensor};

/// A group of this process alone.
fn group() -> Rc<Group> {
    let rendezvous = Rendezvous {
        host: "127.0.0.1".to_owned(),
        port: TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port(),
        serves: true,
        prefix: "test".to_owned(),
        rank: 0,
        size: 1,
        interface: Some("lo".to_owned()),
        timeout: Duration::from_secs(60),
    };
    Rc::new(Group::join(&rendezvous, "host").unwrap())
}

/// The first GPU; `None` if there is none.
fn gpu() -> Option<Device> {
    Some(device::parse("auto").unwrap()).filter(|device| device.is_cuda())
}

#[test]
fn nccl_needs_a_gpu() {
    if gpu().is_some() {
        eprintln!("skipped: there is a GPU");
        return;
    }
    let error = group().use_nccl().unwrap_err().to_string();
    let reason = error.strip_prefix("rank 0 of 1: NCCL cannot be used: ").unwrap();
    // As libtorch is for CPUs or for GPUs.
    let reasons = ["the CUDA part of libtorch 2.11 is not loaded; use Gloo", "no GPUs found"];
    assert!(reasons.iter().any(|expected| reason.contains(expected)), "{reason}");
}

#[test]
fn nccl_reduces_tensors_and_gradients() {
    let Some(device) = gpu() else {
        eprintln!("skipped: there is no GPU");
        return;
    };
    let group = group();
    group.use_nccl().unwrap();
    let mut tensor = Tensor::from_slice(&[1.0_f32, 2.0]).to_device(device);
    group.all_reduce(&mut tensor, "sum").unwrap();
    group.broadcast(&mut tensor, 0, "copy").unwrap();
    let gathered = group.all_gather(&tensor, "all").unwrap();
    assert_eq!(gathered.len(), 1);
    assert_eq!(Vec::<f32>::try_from(gathered[0].to_device(Device::Cpu)).unwrap(), [1.0, 2.0]);
    let parameter = Tensor::ones([3, 1000], (Kind::Float, device)).set_requires_grad(true);
    let reducer = Reducer::new(Rc::clone(&group), &[parameter.shallow_clone()], 1 << 20).unwrap();
    for step in 1..=2 {
        reducer.backward(&(&parameter * 2.0).sum(Kind::Float), true).unwrap();
        let gradient = parameter.grad().to_device(Device::Cpu);
        assert!(gradient.equal(&Tensor::full([3, 1000], 2.0 * f64::from(step), (Kind::Float, Device::Cpu))));
        assert_eq!(reducer.take_reductions().len(), 1);
    }
}
