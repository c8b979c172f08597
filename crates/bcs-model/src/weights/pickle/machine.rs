//! The stack machine that pickles are programs of, with the instructions that `torch.load(weights_only=True)` knows.

use std::collections::HashMap;

use super::globals::{Dialect, Global};
use super::tensor::{Storage, TensorView};
use super::value::{Heap, Value};
use crate::weights::archive::Archive;
use crate::weights::bytes::Bytes;

/// Maximum number of instructions, which bounds the memory for values. A parameter takes about 25 instructions.
const MAX_INSTRUCTIONS: usize = 4_000_000;

/// Maximum length of a TorchScript type, which libtorch parses recursively.
const MAX_TYPE_LENGTH: usize = 1000;

/// A pickle that was read.
#[derive(Debug)]
pub(crate) struct Pickle<'a> {
    pub(crate) heap: Heap<'a>,
    pub(crate) root: Value<'a>,
}

impl<'a> Pickle<'a> {
    /// Reads a pickle of an archive; storage `k` is the record `<folder>/k`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(
        program: &'a [u8],
        archive: &'a Archive<'_>,
        folder: &'static str,
        dialect: Dialect,
    ) -> Result<Self, String> {
        let mut machine = Machine {
            program: Bytes::new(program),
            archive,
            folder,
            dialect,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            heap: Heap::default(),
            storages: HashMap::new(),
        };
        let root = machine.run()?;
        Ok(Self { heap: machine.heap, root })
    }
}

struct Machine<'a> {
    program: Bytes<'a>,
    archive: &'a Archive<'a>,
    folder: &'static str,
    dialect: Dialect,
    stack: Vec<Value<'a>>,
    /// Heights of the stack at the open marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Value<'a>>,
    heap: Heap<'a>,
    /// Storages by their keys: a key that is used twice must mean the same.
    storages: HashMap<&'a str, Storage<'a>>,
}

impl<'a> Machine<'a> {
    /// Runs the program to its end and returns the result.
    fn run(&mut self) -> Result<Value<'a>, String> {
        for _ in 0..MAX_INSTRUCTIONS {
            match self.program.u8()? {
                b'.' => return self.pop(),
                instruction => self.step(instruction)?,
            }
        }
        Err(format!("it has more than {MAX_INSTRUCTIONS} instructions"))
    }

    fn step(&mut self, instruction: u8) -> Result<(), String> {
        match instruction {
            0x80 => self.program.u8().map(drop),                    // PROTO
            b'(' => self.mark(),                                    // MARK
            b'N' => self.push(Value::None),                         // NONE
            0x88 => self.push(Value::Bool(true)),                   // NEWTRUE
            0x89 => self.push(Value::Bool(false)),                  // NEWFALSE
            b'J' | b'K' | b'M' | 0x8a => self.integer(instruction), // BININT, BININT1, BININT2, LONG1
            b'G' => self.program.array::<8>().and_then(|_| self.push(Value::Float)), // BINFLOAT
            b'X' | b'U' => self.string(instruction),                // BINUNICODE, SHORT_BINSTRING
            b')' | b't' | 0x85..=0x87 => self.tuple(instruction),   // EMPTY_TUPLE, TUPLE, TUPLE1 to 3
            b']' => self.push(Value::List),                         // EMPTY_LIST
            b'a' | b'e' => self.append(instruction),                // APPEND, APPENDS
            b'}' => self.new_dict(false),                           // EMPTY_DICT
            b's' | b'u' => self.set_items(instruction),             // SETITEM, SETITEMS
            b'q' | b'r' => self.put(instruction),                   // BINPUT, LONG_BINPUT
            b'h' | b'j' => self.get(instruction),                   // BINGET, LONG_BINGET
            b'c' => self.global(),                                  // GLOBAL
            b'Q' => self.persistent_id(),                           // BINPERSID
            b'R' => self.reduce(),                                  // REDUCE
            0x81 => self.new_object(),                              // NEWOBJ
            b'b' => self.build(),                                   // BUILD
            other => Err(format!(
                "the pickle instruction 0x{other:02x} is not read; save with torch.save and its default protocol"
            )),
        }
    }

    fn push(&mut self, value: Value<'a>) -> Result<(), String> {
        self.stack.push(value);
        Ok(())
    }

    /// Pops a value above the last mark.
    fn pop(&mut self) -> Result<Value<'a>, String> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err("its stack underflows".to_owned());
        }
        self.stack.pop().ok_or_else(|| "its stack underflows".to_owned())
    }

    /// Returns the value on top without popping it.
    fn top(&mut self) -> Result<Value<'a>, String> {
        let value = self.pop()?;
        self.stack.push(value);
        Ok(value)
    }

    fn mark(&mut self) -> Result<(), String> {
        self.marks.push(self.stack.len());
        Ok(())
    }

    /// Pops the values above the last mark, and the mark.
    fn pop_mark(&mut self) -> Result<Vec<Value<'a>>, String> {
        let height = self.marks.pop().ok_or("a mark is missing")?;
        Ok(self.stack.split_off(height))
    }

    fn integer(&mut self, instruction: u8) -> Result<(), String> {
        let value = match instruction {
            b'J' => i64::from(i32::from_le_bytes(self.program.array()?)),
            b'K' => i64::from(self.program.u8()?),
            b'M' => i64::from(self.program.u16()?),
            _ => return self.long(),
        };
        self.push(Value::Int(value))
    }

    /// An integer of up to 255 bytes; those beyond 64 bits are no size of anything.
    fn long(&mut self) -> Result<(), String> {
        let length = usize::from(self.program.u8()?);
        let bytes = self.program.take(length)?;
        if length > 8 {
            return self.push(Value::Opaque("a number"));
        }
        let sign = bytes.last().map_or(0, |byte| if byte & 0x80 == 0 { 0 } else { 0xff });
        let mut wide = [sign; 8];
        wide[..length].copy_from_slice(bytes);
        self.push(Value::Int(i64::from_le_bytes(wide)))
    }

    fn string(&mut self, instruction: u8) -> Result<(), String> {
        let length = match instruction {
            b'X' => self.program.u32()? as usize,
            _ => usize::from(self.program.u8()?),
        };
        let text = utf8(self.program.take(length)?)?;
        self.push(Value::Str(text))
    }

    fn tuple(&mut self, instruction: u8) -> Result<(), String> {
        let items = match instruction {
            b')' => Vec::new(),
            b't' => self.pop_mark()?,
            _ => {
                let mut items: Vec<_> = (0x84..instruction).map(|_| self.pop()).collect::<Result<_, _>>()?;
                items.reverse();
                items
            }
        };
        let tuple = self.heap.tuple(items);
        self.push(tuple)
    }

    fn append(&mut self, instruction: u8) -> Result<(), String> {
        match instruction {
            b'a' => drop(self.pop()?),
            _ => drop(self.pop_mark()?),
        }
        match self.top()? {
            Value::List => Ok(()),
            other => Err(format!("it appends to {}", other.describe())),
        }
    }

    fn new_dict(&mut self, ordered: bool) -> Result<(), String> {
        let dict = self.heap.dict(ordered);
        self.push(dict)
    }

    fn set_items(&mut self, instruction: u8) -> Result<(), String> {
        let items = match instruction {
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.pop_mark()?,
        };
        let dict = match self.top()? {
            Value::Dict(dict) => dict,
            other => return Err(format!("it sets items of {}", other.describe())),
        };
        if items.len() % 2 != 0 {
            return Err("it sets an item without a value".to_owned());
        }
        for pair in items.chunks_exact(2) {
            match pair[0] {
                Value::None | Value::Bool(_) | Value::Int(_) | Value::Float | Value::Str(_) => {}
                other => return Err(format!("a dictionary key is {}", other.describe())),
            }
            self.heap.dicts[dict].entries.push((pair[0], pair[1]));
        }
        Ok(())
    }

    fn put(&mut self, instruction: u8) -> Result<(), String> {
        let slot = self.slot(instruction == b'q')?;
        let value = self.top()?;
        self.memo.insert(slot, value);
        Ok(())
    }

    fn get(&mut self, instruction: u8) -> Result<(), String> {
        let slot = self.slot(instruction == b'h')?;
        let value = *self.memo.get(&slot).ok_or_else(|| format!("it recalls slot {slot}, which is empty"))?;
        self.push(value)
    }

    fn slot(&mut self, short: bool) -> Result<u32, String> {
        if short { self.program.u8().map(u32::from) } else { self.program.u32() }
    }

    fn global(&mut self) -> Result<(), String> {
        let module = utf8(self.program.line()?)?;
        let name = utf8(self.program.line()?)?;
        self.push(Value::Global(Global::find(module, name, self.dialect)?))
    }

    /// Replaces the description of a storage by the storage.
    fn persistent_id(&mut self) -> Result<(), String> {
        let Some([Value::Str("storage"), Value::Global(Global::Storage(dtype)), key, location, length]) =
            self.pop_tuple()?
        else {
            return Err("it refers to something outside itself that is not a storage".to_owned());
        };
        let (Value::Str(key), Value::Str(_), Value::Int(length)) = (key, location, length) else {
            return Err("the description of a storage is invalid".to_owned());
        };
        let record = format!("{}/{key}", self.folder);
        let bytes = self.archive.get(&record).ok_or_else(|| format!("the record '{record}' is missing"))?;
        let needed = usize::try_from(length).ok().and_then(|length| length.checked_mul(dtype.size));
        if needed != Some(bytes.len()) {
            return Err(format!(
                "the record '{record}' has {} bytes, which are not {length} elements of {}",
                bytes.len(),
                dtype.name
            ));
        }
        let storage = Storage { dtype, bytes };
        let known = *self.storages.entry(key).or_insert(storage);
        if known.dtype != dtype {
            return Err(format!(
                "the record '{record}' is used as {} and as {}",
                known.dtype.name, dtype.name
            ));
        }
        self.push(Value::Storage(storage))
    }

    /// Pops a tuple of `N` items; `None` for anything else.
    fn pop_tuple<const N: usize>(&mut self) -> Result<Option<[Value<'a>; N]>, String> {
        match self.pop()? {
            Value::Tuple(tuple) => Ok(self.heap.tuples[tuple].as_slice().try_into().ok()),
            _ => Ok(None),
        }
    }

    /// Calls a function.
    fn reduce(&mut self) -> Result<(), String> {
        let Value::Tuple(tuple) = self.pop()? else {
            return Err("it calls a function without a tuple of arguments".to_owned());
        };
        let arguments = self.heap.tuples[tuple].clone();
        let function = match self.pop()? {
            Value::Global(global) => global,
            other => return Err(format!("it calls {}", other.describe())),
        };
        let result = self.call(function, &arguments)?;
        self.push(result)
    }

    fn call(&mut self, function: Global<'a>, arguments: &[Value<'a>]) -> Result<Value<'a>, String> {
        let wrong = |name: &str| {
            let found: Vec<_> = arguments.iter().map(Value::describe).collect();
            format!("{name} is called with arguments that it does not take: {}", found.join(", "))
        };
        match (function, arguments) {
            (Global::OrderedDict, []) => Ok(self.heap.dict(true)),
            (Global::OrderedDict, _) => Err(wrong("OrderedDict")),
            (Global::RebuildTensor, arguments) => {
                let (tensor, metadata) = arguments.split_at(arguments.len().min(6));
                match metadata {
                    [] => {}
                    [metadata] if self.is_empty(*metadata) => {}
                    [Value::Dict(_)] => {
                        return Err(
                            "a tensor is conjugated or negated; save tensor.resolve_conj().resolve_neg()"
                                .to_owned(),
                        );
                    }
                    _ => return Err(wrong("_rebuild_tensor_v2")),
                }
                self.rebuild_tensor(tensor).ok_or_else(|| wrong("_rebuild_tensor_v2"))?
            }
            (Global::RebuildParameter, [Value::Tensor(tensor), Value::Bool(gradient), hooks])
                if self.are_hooks(*hooks) =>
            {
                check_gradient(&self.heap.tensors[*tensor], *gradient)?;
                Ok(Value::Tensor(*tensor))
            }
            (Global::RebuildParameter, _) => Err(wrong("_rebuild_parameter")),
            (Global::Size, [Value::Tuple(size)]) if self.integers(*size).is_some() => {
                Ok(Value::Opaque("a torch.Size"))
            }
            (Global::Size, _) => Err(wrong("torch.Size")),
            (
                Global::Device,
                [Value::Str("cpu" | "cuda")] | [Value::Str("cpu" | "cuda"), Value::Int(0..=63)],
            ) => Ok(Value::Opaque("a torch.device")),
            (Global::Device, [Value::Str(_)]) if self.dialect == Dialect::TorchScript => {
                Ok(Value::Opaque("a torch.device"))
            }
            (Global::Device, _) => Err(wrong("torch.device")),
            (Global::TypedList, [Value::List]) => Ok(Value::List),
            (Global::TypedList, _) => Err(wrong("build_list")),
            (Global::TypeTag, [value, Value::Str(name)]) if name.len() <= MAX_TYPE_LENGTH => Ok(*value),
            (Global::TypeTag, _) => Err(wrong("restore_type_tag")),
            (Global::Class { .. }, _) => Ok(Value::Opaque("an object")),
            (Global::Storage(_) | Global::Dtype, _) => Err(wrong("a type of torch")),
        }
    }

    /// `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)`; `None` for arguments of
    /// other types.
    fn rebuild_tensor(&mut self, arguments: &[Value<'a>]) -> Option<Result<Value<'a>, String>> {
        let &[
            Value::Storage(storage),
            Value::Int(offset),
            Value::Tuple(size),
            Value::Tuple(stride),
            Value::Bool(gradient),
            hooks,
        ] = arguments
        else {
            return None;
        };
        let (size, stride) = (self.integers(size)?, self.integers(stride)?);
        if !self.are_hooks(hooks) {
            return None;
        }
        let view = TensorView::new(storage, offset, &size, &stride);
        Some(view.and_then(|view| {
            check_gradient(&view, gradient)?;
            Ok(self.heap.tensor(view))
        }))
    }

    fn integers(&self, tuple: usize) -> Option<Vec<i64>> {
        let integer = |value: &Value<'_>| if let Value::Int(value) = value { Some(*value) } else { None };
        self.heap.tuples[tuple].iter().map(integer).collect()
    }

    /// Backward hooks are always saved as an empty `OrderedDict`.
    fn are_hooks(&self, value: Value<'a>) -> bool {
        match value {
            Value::None => true,
            Value::Dict(dict) => {
                let dict = &self.heap.dicts[dict];
                dict.ordered && dict.entries.is_empty()
            }
            _ => false,
        }
    }

    /// Whether a value is `None` or an empty dictionary.
    fn is_empty(&self, value: Value<'a>) -> bool {
        match value {
            Value::None => true,
            Value::Dict(dict) => self.heap.dicts[dict].entries.is_empty(),
            _ => false,
        }
    }

    /// Creates an object of a class of the archive.
    fn new_object(&mut self) -> Result<(), String> {
        let arguments = self.pop()?;
        match (self.pop()?, arguments) {
            (Value::Global(Global::Class { module, name }), Value::Tuple(_)) => {
                let object = self.heap.object(module, name);
                self.push(object)
            }
            (other, _) => Err(format!("it creates an object of {}", other.describe())),
        }
    }

    /// Sets the state of an object.
    fn build(&mut self) -> Result<(), String> {
        let state = self.pop()?;
        match (self.top()?, state) {
            (Value::Dict(dict), Value::Dict(_)) if self.heap.dicts[dict].ordered => Ok(()),
            (Value::Object(object), Value::Dict(dict)) => {
                self.heap.objects[object].attributes = Some(dict);
                Ok(())
            }
            // Objects of classes with their own `__setstate__`.
            (Value::Object(_), _) => Ok(()),
            (Value::Opaque("an object"), _) if self.dialect == Dialect::TorchScript => Ok(()),
            (other, _) => Err(format!("it sets the state of {}", other.describe())),
        }
    }
}

fn check_gradient(tensor: &TensorView<'_>, required: bool) -> Result<(), String> {
    if required && !tensor.dtype().floating {
        return Err(format!("a tensor of {} requires a gradient", tensor.dtype().name));
    }
    Ok(())
}

fn utf8(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| "a string is not UTF-8".to_owned())
}
