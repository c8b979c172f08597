//! The `data.pkl` of a TorchScript archive: the objects of the module tree with their attributes.

use tch::{Kind, Tensor};

use super::code::{Classes, ROOT};
use super::module::{Entry, Module};
use crate::error::Error;

/// Writes the pickle of a module tree. Storage `k` of `tensors` is the record `data/k`; a tensor with several names is
/// one object.
///
/// # Errors
/// [`Error::Export`] for a type that no network has.
pub(super) fn write(root: &Module<'_>, classes: &mut Classes, tensors: &[Tensor]) -> Result<Vec<u8>, Error> {
    let mut writer = Writer { bytes: vec![0x80, 2], written: vec![false; tensors.len()], classes, tensors };
    writer.module(root, ROOT)?;
    writer.bytes.push(b'.');
    Ok(writer.bytes)
}

struct Writer<'a> {
    bytes: Vec<u8>,
    /// Which tensors are in the memo, under their own indices.
    written: Vec<bool>,
    classes: &'a mut Classes,
    tensors: &'a [Tensor],
}

impl Writer<'_> {
    /// An object of a class whose state is the dictionary of its attributes.
    fn module(&mut self, module: &Module<'_>, class: &str) -> Result<(), Error> {
        self.global("__torch__", class);
        self.bytes.extend(b")\x81}("); // EMPTY_TUPLE, NEWOBJ, EMPTY_DICT, MARK
        for (name, entry) in &module.tensors {
            self.string(name);
            self.tensor(*entry)?;
        }
        self.string("training");
        self.bytes.push(0x89); // NEWFALSE
        self.string("_is_full_backward_hook");
        self.bytes.push(b'N'); // NONE
        for (name, child) in &module.children {
            let class = self.classes.name_of(child);
            self.string(name);
            self.module(child, &class)?;
        }
        self.bytes.extend(b"ub"); // SETITEMS, BUILD
        Ok(())
    }

    fn tensor(&mut self, entry: Entry) -> Result<(), Error> {
        let index = entry.tensor;
        let slot = (index as u32).to_le_bytes();
        if self.written[index] {
            self.bytes.push(b'j'); // LONG_BINGET
            self.bytes.extend(slot);
            return Ok(());
        }
        let tensor = &self.tensors[index];
        let storage = storage_of(tensor.f_kind()?)?;
        self.global("torch._utils", "_rebuild_tensor_v2");
        self.bytes.extend(b"(("); // MARK, MARK
        self.string("storage");
        self.global("torch", storage);
        self.string(&index.to_string());
        self.string("cpu");
        self.integer(tensor.numel() as i64);
        self.bytes.extend(b"tQ"); // TUPLE, BINPERSID
        self.integer(0);
        self.integers(&tensor.size());
        self.integers(&tensor.stride());
        self.bytes.push(if entry.is_parameter { 0x88 } else { 0x89 }); // NEWTRUE, NEWFALSE
        self.global("collections", "OrderedDict");
        self.bytes.extend(b")RtRr"); // EMPTY_TUPLE, REDUCE, TUPLE, REDUCE, LONG_BINPUT
        self.bytes.extend(slot);
        self.written[index] = true;
        Ok(())
    }

    fn global(&mut self, module: &str, name: &str) {
        self.bytes.extend(format!("c{module}\n{name}\n").into_bytes());
    }

    fn string(&mut self, text: &str) {
        self.bytes.push(b'X'); // BINUNICODE
        self.bytes.extend((text.len() as u32).to_le_bytes());
        self.bytes.extend(text.as_bytes());
    }

    fn integers(&mut self, values: &[i64]) {
        self.bytes.push(b'('); // MARK
        values.iter().for_each(|value| self.integer(*value));
        self.bytes.push(b't'); // TUPLE
    }

    fn integer(&mut self, value: i64) {
        self.bytes.extend([0x8a, 8]); // LONG1
        self.bytes.extend(value.to_le_bytes());
    }
}

fn storage_of(kind: Kind) -> Result<&'static str, Error> {
    match kind {
        Kind::Float => Ok("FloatStorage"),
        Kind::Double => Ok("DoubleStorage"),
        Kind::Int64 => Ok("LongStorage"),
        other => Err(Error::Export(format!("it has a parameter of type {other:?}"))),
    }
}
