//! The border to C++. Tensors cross it as pointers to `at::Tensor`, which is what `tch` holds.
#![allow(unsafe_code, reason = "calls into C++")]

pub(crate) mod distributed;

use std::ffi::{CStr, c_char, c_void};
use std::ptr::{null, null_mut};

use tch::{TchError, Tensor};

/// A borrowed `at::Tensor`; null for none.
type Input = *const c_void;
/// An owned `at::Tensor`.
type Output = *mut c_void;

unsafe extern "C" {
    fn bcs_torch_free(message: *mut c_char);
    fn bcs_torch_instance_norm_prelu(
        input: Input,
        slope: Input,
        residual: Input,
        eps: f64,
        output: *mut Output,
    ) -> *mut c_char;
    fn bcs_torch_conv_transpose2d(
        input: Input,
        weight: Input,
        bias: Input,
        options: *const i64,
        output: *mut Output,
    ) -> *mut c_char;
    fn bcs_torch_planes(images: Input, output: *mut Output) -> *mut c_char;
    fn bcs_torch_adam_step(
        parameters: Output,
        gradients: Input,
        averages: Output,
        squares: Output,
        constants: *const f32,
        taken: *mut bool,
    ) -> *mut c_char;
}

pub(crate) fn instance_norm_prelu(
    input: &Tensor,
    slope: &Tensor,
    residual: Option<&Tensor>,
    eps: f64,
) -> Result<Option<Tensor>, TchError> {
    let mut output: Output = null_mut();
    // SAFETY: the pointers are null or those of tensors that outlive the call; `output` is null or a new tensor.
    unsafe {
        let (input, slope) = (pointer(Some(input)), pointer(Some(slope)));
        check(bcs_torch_instance_norm_prelu(input, slope, pointer(residual), eps, &raw mut output))?;
        Ok(owned(output))
    }
}

pub(crate) fn conv_transpose2d(
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    options: &[i64; 7],
) -> Result<Option<Tensor>, TchError> {
    let mut output: Output = null_mut();
    // SAFETY: as above; the seven options are those that the function reads.
    unsafe {
        let (input, weight) = (pointer(Some(input)), pointer(Some(weight)));
        check(bcs_torch_conv_transpose2d(input, weight, pointer(bias), options.as_ptr(), &raw mut output))?;
        Ok(owned(output))
    }
}

pub(crate) fn planes(images: &Tensor) -> Result<Tensor, TchError> {
    let mut output: Output = null_mut();
    // SAFETY: as above.
    unsafe {
        check(bcs_torch_planes(pointer(Some(images)), &raw mut output))?;
        owned(output).ok_or_else(|| TchError::Torch("there is no tensor of planes".to_owned()))
    }
}

pub(crate) fn adam_step(
    parameters: &mut Tensor,
    gradients: &Tensor,
    averages: &mut Tensor,
    squares: &mut Tensor,
    constants: &[f32; 8],
) -> Result<bool, TchError> {
    let mut taken = false;
    // SAFETY: the tensors outlive the call, and those that it changes are borrowed for it alone; the eight constants are
    // those that the function reads.
    unsafe {
        let [parameters, averages, squares] =
            [parameters, averages, squares].map(|tensor| tensor.as_mut_ptr().cast());
        let gradients = pointer(Some(gradients));
        check(bcs_torch_adam_step(
            parameters,
            gradients,
            averages,
            squares,
            constants.as_ptr(),
            &raw mut taken,
        ))?;
    }
    Ok(taken)
}

fn pointer(tensor: Option<&Tensor>) -> Input {
    tensor.map_or(null(), |tensor| tensor.as_ptr().cast())
}

/// Takes over a tensor that C++ has allocated with `new`, as `tch` does itself; null is `None`.
///
/// # Safety
/// The pointer must be null or that of such a tensor, which nothing else frees.
unsafe fn owned(pointer: Output) -> Option<Tensor> {
    // SAFETY: by the contract of this function.
    (!pointer.is_null()).then(|| unsafe { Tensor::from_ptr(pointer.cast()) })
}

/// Turns a message into an error, and frees it.
///
/// # Safety
/// The message must be null or one that the shim has returned.
unsafe fn check(message: *mut c_char) -> Result<(), TchError> {
    if message.is_null() {
        return Ok(());
    }
    // SAFETY: the shim's messages end with a zero byte, and are freed only here.
    unsafe {
        let text = CStr::from_ptr(message).to_string_lossy().into_owned();
        bcs_torch_free(message);
        Err(TchError::Torch(text))
    }
}
