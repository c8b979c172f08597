//! A process in a group with others, as of PyTorch (`scripts/distributed`): sums `[rank + 1, 10 (rank + 1)]` over all, and
//! prints the result. Place in the group as `torchrun` sets it: `MASTER_ADDR`, `MASTER_PORT`, `RANK`, `WORLD_SIZE`.

use std::time::Duration;

use bcs_torch::distributed::{Group, Rendezvous};
use tch::Tensor;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let number =
        |name: &str| -> Result<usize, Box<dyn std::error::Error>> { Ok(std::env::var(name)?.parse()?) };
    let rank = number("RANK")?;
    let rendezvous = Rendezvous {
        host: std::env::var("MASTER_ADDR")?,
        port: u16::try_from(number("MASTER_PORT")?)?,
        serves: rank == 0,
        prefix: "bcs/0".to_owned(),
        rank,
        size: number("WORLD_SIZE")?,
        interface: std::env::var("GLOO_SOCKET_IFNAME").ok(),
        timeout: Duration::from_secs(60),
    };
    let group = Group::join(&rendezvous, "peer")?;
    let own = rank as f64 + 1.0;
    let mut tensor = Tensor::f_from_slice(&[own, 10.0 * own])?;
    group.all_reduce(&mut tensor, "sum")?;
    println!("{:?}", Vec::<f64>::try_from(tensor)?);
    group.barrier("end")?;
    Ok(())
}
