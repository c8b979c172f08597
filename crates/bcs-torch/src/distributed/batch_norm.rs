//! Batch normalization with the mean and the variance of the images of all processes.

use std::cell::RefCell;
use std::rc::Rc;

use tch::{TchError, Tensor};

use super::group::Group;

thread_local! {
    static SCOPE: RefCell<Option<(Rc<Group>, bool)>> = const { RefCell::new(None) };
}

/// Runs `work`, in which [`batch_norm`] on this thread takes the images of all ranks. Images of a rank that is not `counted`
/// are no part of the statistics: it has none, and takes part because all ranks must.
pub fn synchronized<T>(group: &Rc<Group>, counted: bool, work: impl FnOnce() -> T) -> T {
    /// Restores what was before, also after a panic.
    struct Restore(Option<(Rc<Group>, bool)>);
    impl Drop for Restore {
        fn drop(&mut self) {
            SCOPE.set(self.0.take());
        }
    }
    let _restore = Restore(SCOPE.replace(Some((Rc::clone(group), counted))));
    work()
}

/// Normalizes images `[N, C, …]` in training, and updates the running mean and variance. `None` outside of [`synchronized`].
/// Gradients are those of all ranks together, so that the backward pass too is one that all ranks run.
///
/// # Errors
/// [`TchError::Torch`] if the shapes do not fit, or a process is lost.
pub fn batch_norm(
    input: &Tensor,
    affine: Option<[&Tensor; 2]>,
    running: Option<[&Tensor; 2]>,
    momentum: f64,
    eps: f64,
) -> Result<Option<Tensor>, TchError> {
    SCOPE.with_borrow(|scope| {
        let Some((group, counted)) = scope else { return Ok(None) };
        let [weight, bias] = [0, 1].map(|at| affine.map(|tensors| tensors[at]));
        let [mean, variance] = [0, 1].map(|at| running.map(|tensors| tensors[at]));
        let tensors = [Some(input), weight, bias, mean, variance];
        group.begin().batch_norm(tensors, momentum, eps, *counted).map(Some)
    })
}
