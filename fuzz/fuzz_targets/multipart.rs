//! A form gives the same parts or the same error, in whatever pieces it comes. The first byte is the size of the pieces.
#![no_main]

use bcs_service::multipart::{Error, Event, Head, Parser};
use libfuzzer_sys::fuzz_target;

fn parse(body: &[u8], size: usize) -> Result<Vec<(Head, Vec<u8>)>, Error> {
    let (mut parser, mut parts) = (Parser::new("x"), Vec::new());
    for piece in body.chunks(size) {
        parser.push(piece);
        while let Some(event) = parser.next_event()? {
            match event {
                Event::Part(head) => parts.push((head, Vec::new())),
                Event::Data(bytes) => parts.last_mut().expect("a part begins first").1.extend_from_slice(&bytes),
            }
        }
    }
    parser.finish().map(|()| parts)
}

fuzz_target!(|bytes: &[u8]| {
    if let Some((size, body)) = bytes.split_first() {
        assert_eq!(parse(body, usize::from(*size).max(1)), parse(body, body.len().max(1)));
    }
});
