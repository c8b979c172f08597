//! Hand-written pickles: contradictions and depths that `torch.save` never writes.

use super::*;
use crate::weights::archive;

/// A file with one storage of 16 bytes under key `0`.
fn file(program: &[u8]) -> Vec<u8> {
    let records = [("m/data.pkl", program), ("m/data/0", &[0; 16]), ("m/version", b"3\n")];
    archive::write(records.into_iter().map(|(name, contents)| (name.to_owned(), contents))).unwrap()
}

fn tensors_of(program: &[u8]) -> Result<BTreeMap<String, Tensor>, Error> {
    let file = file(program);
    tensors(&Archive::read(&file).unwrap(), file.len())
}

fn error(program: &[u8]) -> String {
    tensors_of(program).unwrap_err().to_string()
}

/// The instructions that make the storage of key `0` as `class` with `length` elements.
fn storage(class: &str, length: u8) -> Vec<u8> {
    let text = |text: &str| [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
    let global = format!("ctorch\n{class}\n");
    [b"(", &text("storage")[..], global.as_bytes(), &text("0"), &text("cpu"), &[b'K', length], b"tQ"].concat()
}

/// The instructions that make a tensor of `size` elements of a storage.
fn tensor(storage: &[u8], size: u8) -> Vec<u8> {
    let arguments = [b'K', 0, b'K', size, 0x85, b'K', 1, 0x85, 0x89, b'N', b't', b'R'];
    [b"ctorch._utils\n_rebuild_tensor_v2\n(", storage, &arguments].concat()
}

/// A dictionary with these values under the names `a`, `b`, …
fn dict(values: &[Vec<u8>]) -> Vec<u8> {
    let items = values.iter().zip(b'a'..).flat_map(|(value, name)| [&[b'U', 1, name][..], value].concat());
    [b"}(".to_vec(), items.collect(), b"u.".to_vec()].concat()
}

#[test]
fn tensors_are_checked_against_their_storages() {
    let state = tensors_of(&dict(&[tensor(&storage("FloatStorage", 4), 3)])).unwrap();
    assert_eq!(state["a"].size(), [3]);
    let too_long = error(&dict(&[tensor(&storage("FloatStorage", 4), 5)]));
    assert!(too_long.contains("storage has 4 elements"), "{too_long}");
    let shorter = error(&dict(&[tensor(&storage("FloatStorage", 5), 3)]));
    assert!(shorter.contains("'data/0' has 16 bytes"), "{shorter}");
    let two_types = [tensor(&storage("FloatStorage", 4), 3), tensor(&storage("DoubleStorage", 2), 2)];
    let two_types = error(&dict(&two_types));
    assert!(two_types.contains("as float32 and as float64"), "{two_types}");
}

#[test]
fn tensors_that_expand_beyond_memory_are_refused() {
    // 255^5 elements, all of them the same.
    let sizes = [[b'K', 255].repeat(5), [b'K', 0].repeat(5)];
    let storage = storage("FloatStorage", 4);
    let start = b"ctorch._utils\n_rebuild_tensor_v2\n(";
    let value = [start, &storage[..], b"K\0(", &sizes[0], b"t(", &sizes[1], b"t\x89NtR"].concat();
    assert!(error(&dict(&[value])).contains("times the file"));
}

#[test]
fn depth_cycles_and_endless_programs_are_handled() {
    let deep = [b")".to_vec(), vec![0x85; 1_000_000], b".".to_vec()].concat();
    assert!(error(&deep).contains("a tuple, not a state dictionary"));
    // A dictionary that contains itself.
    assert!(error(b"}q\0U\x01ah\0s.").contains("'a' is a dictionary"));
    assert!(error(&vec![b'N'; 5_000_000]).contains("instructions"));
    for program in [&b"."[..], b"t.", b"(.", b"N(0.", b"h\x05.", b"Q.", b"R.", b")R.", b"u.", b"Na."] {
        assert!(tensors_of(program).is_err());
    }
}

#[test]
fn calls_are_refused_by_name() {
    assert!(error(b"cos\nsystem\n(U\x02lstR.").contains("'os.system'"));
    assert!(error(b"cbuiltins\neval\nU\x011\x85R.").contains("'builtins.eval'"));
    assert!(error(b"c__torch__.net\nNet\n)\x81.").contains("'__torch__.net.Net'"));
}
