//! Stores, process groups and reducers of C++.

use std::cell::Cell;
use std::ffi::{CString, c_char, c_void};
use std::ptr::{NonNull, null_mut};
use std::time::Duration;

use tch::{TchError, Tensor};

use super::{Input, Output, check, owned, pointer};

/// A `c10::intrusive_ptr` or an object on the heap, in C++.
type Handle = *mut c_void;

unsafe extern "C" {
    fn bcs_torch_store_connect(
        host: *const c_char,
        port: u16,
        serves: bool,
        prefix: *const c_char,
        timeout: i64,
        store: *mut Handle,
    ) -> *mut c_char;
    fn bcs_torch_store_reconnect(store: Handle, other: *mut Handle) -> *mut c_char;
    fn bcs_torch_store_free(store: Handle);
    fn bcs_torch_store_set(store: Handle, key: *const c_char, data: *const u8, length: usize) -> *mut c_char;
    fn bcs_torch_store_get(
        store: Handle,
        key: *const c_char,
        context: *mut c_void,
        take: extern "C" fn(*mut c_void, *const u8, usize),
    ) -> *mut c_char;
    fn bcs_torch_store_settle(
        store: Handle,
        key: *const c_char,
        data: *const u8,
        length: usize,
        context: *mut c_void,
        take: extern "C" fn(*mut c_void, *const u8, usize),
    ) -> *mut c_char;
    fn bcs_torch_store_has(store: Handle, key: *const c_char, has: *mut bool) -> *mut c_char;
    fn bcs_torch_group_connect(
        store: Handle,
        rank: i32,
        size: i32,
        interface: *const c_char,
        timeout: i64,
        group: *mut Handle,
    ) -> *mut c_char;
    fn bcs_torch_group_use_nccl(group: Handle, store: Handle, timeout: i64) -> *mut c_char;
    fn bcs_torch_group_free(group: Handle);
    fn bcs_torch_broadcast(group: Handle, tensor: Output, root: i32) -> *mut c_char;
    fn bcs_torch_all_reduce(group: Handle, tensor: Output) -> *mut c_char;
    fn bcs_torch_all_gather(group: Handle, tensor: Input, outputs: *mut Output) -> *mut c_char;
    fn bcs_torch_barrier(group: Handle) -> *mut c_char;
    fn bcs_torch_reducer_new(
        parameters: *const Output,
        count: usize,
        group: Handle,
        bucket_bytes: i64,
        reducer: *mut Handle,
    ) -> *mut c_char;
    fn bcs_torch_reducer_free(reducer: Handle);
    fn bcs_torch_reducer_prepare(reducer: Handle, loss: Input) -> *mut c_char;
    fn bcs_torch_reducer_finish(reducer: Handle) -> *mut c_char;
    fn bcs_torch_reducer_reductions(
        reducer: Handle,
        context: *mut c_void,
        take: extern "C" fn(*mut c_void, i64, i64, i64),
    );
    fn bcs_torch_sync_batch_norm(
        tensors: *const Input,
        momentum: f64,
        eps: f64,
        group: Handle,
        counted: bool,
        output: *mut Output,
    ) -> *mut c_char;
}

/// A client of a `TCPStore`, which may also serve it.
#[derive(Debug)]
pub(crate) struct Store(NonNull<c_void>);

// SAFETY: a TCPStore takes one request after the other, by a lock of its own.
unsafe impl Send for Store {}
// SAFETY: as above.
unsafe impl Sync for Store {}

impl Store {
    pub(crate) fn connect(
        host: &str,
        port: u16,
        serves: bool,
        prefix: &str,
        timeout: Duration,
    ) -> Result<Self, TchError> {
        let (host, prefix) = (text(host)?, text(prefix)?);
        // SAFETY: the texts outlive the call, which returns an error or a handle.
        new(|handle| unsafe {
            let (host, prefix) = (host.as_ptr(), prefix.as_ptr());
            bcs_torch_store_connect(host, port, serves, prefix, milliseconds(timeout), handle)
        })
        .map(Self)
    }

    pub(crate) fn set(&self, key: &str, value: &[u8]) -> Result<(), TchError> {
        let key = text(key)?;
        // SAFETY: handle, key and value outlive the call.
        unsafe { check(bcs_torch_store_set(self.0.as_ptr(), key.as_ptr(), value.as_ptr(), value.len())) }
    }

    /// Returns a client with a connection of its own.
    pub(crate) fn reconnect(&self) -> Result<Self, TchError> {
        // SAFETY: the handle outlives the call, which returns an error or a handle.
        new(|handle| unsafe { bcs_torch_store_reconnect(self.0.as_ptr(), handle) }).map(Self)
    }

    pub(crate) fn get(&self, key: &str) -> Result<Vec<u8>, TchError> {
        let (key, mut value) = (text(key)?, Vec::new());
        // SAFETY: handle, key and vector outlive the call, which calls `append` before it returns.
        unsafe {
            let context = (&raw mut value).cast();
            check(bcs_torch_store_get(self.0.as_ptr(), key.as_ptr(), context, append))?;
        }
        Ok(value)
    }

    /// Sets a key unless it has a value, and returns the one that it has then.
    pub(crate) fn settle(&self, key: &str, value: &[u8]) -> Result<Vec<u8>, TchError> {
        let (key, mut settled) = (text(key)?, Vec::new());
        let (data, length) = (value.as_ptr(), value.len());
        // SAFETY: handle, key, value and vector outlive the call, which calls `append` before it returns.
        unsafe {
            let context = (&raw mut settled).cast();
            check(bcs_torch_store_settle(self.0.as_ptr(), key.as_ptr(), data, length, context, append))?;
        }
        Ok(settled)
    }

    pub(crate) fn has(&self, key: &str) -> Result<bool, TchError> {
        let (key, mut has) = (text(key)?, false);
        // SAFETY: handle and key outlive the call.
        unsafe { check(bcs_torch_store_has(self.0.as_ptr(), key.as_ptr(), &raw mut has))? };
        Ok(has)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: the handle is freed only here.
        unsafe { bcs_torch_store_free(self.0.as_ptr()) }
    }
}

/// A process group.
#[derive(Debug)]
pub(crate) struct Group {
    handle: NonNull<c_void>,
    is_abandoned: Cell<bool>,
}

impl Group {
    pub(crate) fn connect(
        store: &Store,
        [rank, size]: [usize; 2],
        interface: &str,
        timeout: Duration,
    ) -> Result<Self, TchError> {
        let interface = text(interface)?;
        let [rank, size] = [rank, size].map(|number| i32::try_from(number).unwrap_or(i32::MAX));
        // SAFETY: store and text outlive the call, which returns an error or a handle.
        new(|handle| unsafe {
            let timeout = milliseconds(timeout);
            bcs_torch_group_connect(store.0.as_ptr(), rank, size, interface.as_ptr(), timeout, handle)
        })
        .map(|handle| Self { handle, is_abandoned: Cell::new(false) })
    }

    /// Gives the tensors on GPUs to NCCL.
    pub(crate) fn use_nccl(&self, store: &Store, timeout: Duration) -> Result<(), TchError> {
        let timeout = milliseconds(timeout);
        // SAFETY: the handles outlive the call, which copies the reference to the store.
        unsafe { check(bcs_torch_group_use_nccl(self.handle.as_ptr(), store.0.as_ptr(), timeout)) }
    }

    /// Leaves the group in memory after a failure: its end would wait for the lost peer.
    pub(crate) fn abandon(&self) {
        self.is_abandoned.set(true);
    }

    pub(crate) fn broadcast(&self, tensor: &mut Tensor, root: usize) -> Result<(), TchError> {
        let root = i32::try_from(root).unwrap_or(i32::MAX);
        // SAFETY: handle and tensor outlive the call, which borrows the tensor alone.
        unsafe { check(bcs_torch_broadcast(self.handle.as_ptr(), tensor.as_mut_ptr().cast(), root)) }
    }

    pub(crate) fn all_reduce(&self, tensor: &mut Tensor) -> Result<(), TchError> {
        // SAFETY: as above.
        unsafe { check(bcs_torch_all_reduce(self.handle.as_ptr(), tensor.as_mut_ptr().cast())) }
    }

    pub(crate) fn all_gather(&self, tensor: &Tensor, size: usize) -> Result<Vec<Tensor>, TchError> {
        let mut outputs = vec![null_mut(); size];
        // SAFETY: there is room for the tensor of each rank; they are null or new ones.
        unsafe {
            let result = check(bcs_torch_all_gather(
                self.handle.as_ptr(),
                pointer(Some(tensor)),
                outputs.as_mut_ptr(),
            ));
            let tensors = outputs.into_iter().filter_map(|output| owned(output)).collect();
            result.map(|()| tensors)
        }
    }

    pub(crate) fn barrier(&self) -> Result<(), TchError> {
        // SAFETY: the handle outlives the call.
        unsafe { check(bcs_torch_barrier(self.handle.as_ptr())) }
    }

    /// Batch normalization; `tensors` are the images, weight, bias, running mean and running variance.
    pub(crate) fn batch_norm(
        &self,
        tensors: [Option<&Tensor>; 5],
        momentum: f64,
        eps: f64,
        counted: bool,
    ) -> Result<Tensor, TchError> {
        let tensors = tensors.map(pointer);
        let mut output: Output = null_mut();
        // SAFETY: the five pointers are null or those of tensors that outlive the call; `output` is null or a new one.
        unsafe {
            let group = self.handle.as_ptr();
            let tensors = tensors.as_ptr();
            check(bcs_torch_sync_batch_norm(tensors, momentum, eps, group, counted, &raw mut output))?;
            owned(output).ok_or_else(|| TchError::Torch("there is no tensor".to_owned()))
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.is_abandoned.get() {
            // SAFETY: the handle is freed only here.
            unsafe { bcs_torch_group_free(self.handle.as_ptr()) }
        }
    }
}

/// A reducer of gradients.
#[derive(Debug)]
pub(crate) struct Reducer(NonNull<c_void>);

impl Reducer {
    pub(crate) fn new(parameters: &[Tensor], group: &Group, bucket_bytes: usize) -> Result<Self, TchError> {
        let pointers: Vec<Output> =
            parameters.iter().map(|tensor| tensor.as_ptr().cast_mut().cast()).collect();
        let bytes = i64::try_from(bucket_bytes).unwrap_or(i64::MAX);
        // SAFETY: the tensors outlive the call, which copies the references to them.
        new(|handle| unsafe {
            bcs_torch_reducer_new(pointers.as_ptr(), pointers.len(), group.handle.as_ptr(), bytes, handle)
        })
        .map(Self)
    }

    pub(crate) fn prepare(&self, loss: &Tensor) -> Result<(), TchError> {
        // SAFETY: handle and tensor outlive the call.
        unsafe { check(bcs_torch_reducer_prepare(self.0.as_ptr(), pointer(Some(loss)))) }
    }

    /// Waits for the reductions of a backward.
    pub(crate) fn finish(&self) -> Result<(), TchError> {
        // SAFETY: the handle outlives the call.
        unsafe { check(bcs_torch_reducer_finish(self.0.as_ptr())) }
    }

    /// Nanoseconds since each reduction began and ended, and bytes.
    pub(crate) fn reductions(&self) -> Vec<[i64; 3]> {
        extern "C" fn take(context: *mut c_void, begin: i64, end: i64, bytes: i64) {
            // SAFETY: the context is the vector below.
            unsafe { (*context.cast::<Vec<[i64; 3]>>()).push([begin, end, bytes]) }
        }
        let mut reductions: Vec<[i64; 3]> = Vec::new();
        // SAFETY: handle and vector outlive the call, which calls `take` before it returns.
        unsafe { bcs_torch_reducer_reductions(self.0.as_ptr(), (&raw mut reductions).cast(), take) }
        reductions
    }
}

impl Drop for Reducer {
    fn drop(&mut self) {
        // SAFETY: the handle is freed only here.
        unsafe { bcs_torch_reducer_free(self.0.as_ptr()) }
    }
}

/// Appends bytes of C++ to a `Vec<u8>`, the context.
extern "C" fn append(context: *mut c_void, data: *const u8, length: usize) {
    // SAFETY: callers pass a vector, and the data are those of a vector in C++.
    unsafe {
        let value = &mut *context.cast::<Vec<u8>>();
        if length > 0 {
            value.extend_from_slice(std::slice::from_raw_parts(data, length));
        }
    }
}

/// Calls a function that sets a handle, or returns the message of an error.
fn new(create: impl FnOnce(*mut Handle) -> *mut c_char) -> Result<NonNull<c_void>, TchError> {
    let mut handle = null_mut();
    // SAFETY: the message comes from the shim.
    unsafe { check(create(&raw mut handle))? };
    NonNull::new(handle).ok_or_else(|| TchError::Torch("there is no object".to_owned()))
}

fn text(text: &str) -> Result<CString, TchError> {
    CString::new(text).map_err(|_| TchError::Torch(format!("'{}' has a zero byte", text.escape_debug())))
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
