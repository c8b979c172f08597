//! Repetition of an image's edge up to the size of another image.

use tch::{Kind, Tensor};

use crate::error::Error;

/// Repeats the last row (`axis` 2) or column (`axis` 3) of `input` `[N, C, H, W]` until it has as many as `like`, as
/// `torch.nn.functional.pad` does in the mode `replicate`.
///
/// The lengths are computed by libtorch, not here, so that an exported trace holds for images of any size.
pub(crate) fn repeat_edge(input: &Tensor, like: &Tensor, axis: i64) -> Result<Tensor, Error> {
    let last = ones(input, axis)?.f_sum(Kind::Int64)?.f_sub_scalar(1)?;
    let positions = ones(like, axis)?.f_cumsum(0, Kind::Int64)?.f_sub_scalar(1)?;
    Ok(input.f_index_select(axis, &positions.f_minimum(&last)?)?)
}

/// Returns as many ones as the image has rows or columns.
fn ones(image: &Tensor, axis: i64) -> Result<Tensor, Error> {
    let other = if axis == 2 { 3 } else { 2 };
    Ok(image.f_detach()?.f_select(other, 0)?.f_select(1, 0)?.f_select(0, 0)?.f_ones_like()?)
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    #[test]
    fn the_edge_is_that_of_replication_padding() {
        let input = Tensor::rand([2, 3, 4, 5], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        for (axis, padding) in [(2, [0, 0, 0, 1]), (3, [0, 2, 0, 0])] {
            let expected = input.replication_pad2d(padding);
            let found = repeat_edge(&input, &expected, axis).unwrap();
            assert!(found.equal(&expected), "{axis}");
            let weights = expected.rand_like();
            let gradient = |output: &Tensor| {
                let loss = (output * &weights).sum(Kind::Float);
                Tensor::run_backward(&[loss], &[&input], false, false).remove(0)
            };
            assert!(gradient(&found).allclose(&gradient(&expected), 1e-6, 1e-6, false), "{axis}");
            assert!(repeat_edge(&input, &input, axis).unwrap().equal(&input), "{axis}");
        }
    }
}
