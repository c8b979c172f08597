use proptest::prelude::*;

use super::*;

type Parts = Vec<(Head, Vec<u8>)>;

/// Parses a body that comes in pieces of these sizes, over and over.
fn parse(body: &[u8], sizes: &[usize]) -> Result<Parts, Error> {
    let mut parser = Parser::new("x-y");
    let (mut parts, mut rest, mut at) = (Parts::new(), body, 0);
    while !rest.is_empty() {
        let (piece, later) = rest.split_at(sizes[at % sizes.len()].clamp(1, rest.len()));
        (rest, at) = (later, at + 1);
        parser.push(piece);
        while let Some(event) = parser.next_event()? {
            match event {
                Event::Part(head) => parts.push((head, Vec::new())),
                Event::Data(bytes) => parts.last_mut().unwrap().1.extend_from_slice(&bytes),
            }
        }
    }
    parser.finish()?;
    Ok(parts)
}

fn head(name: &str, file_name: Option<&str>) -> Head {
    Head { name: Some(name.to_owned()), file_name: file_name.map(str::to_owned) }
}

fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, data) in parts {
        body.extend_from_slice(
            format!("--x-y\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n").as_bytes(),
        );
        body.extend_from_slice(data);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--x-y--\r\n");
    body
}

#[test]
fn the_boundary_is_in_the_content_type() {
    for (content_type, expected) in [
        ("multipart/form-data; boundary=abc", "abc"),
        ("Multipart/Form-Data; charset=utf-8; Boundary=\"a b;c\"", "a b;c"),
        ("multipart/form-data;boundary=----WebKitFormBoundary7MA4YWxk", "----WebKitFormBoundary7MA4YWxk"),
    ] {
        assert_eq!(boundary(content_type).as_deref(), Ok(expected));
    }
    let long = format!("multipart/form-data; boundary={}", "a".repeat(71));
    for content_type in [
        "",
        "image/png",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/mixed; boundary=a",
        &long,
    ] {
        assert_eq!(boundary(content_type), Err(Error::ContentType), "{content_type}");
    }
}

#[test]
fn parts_have_names_and_content() {
    let body =
        b"ignored\r\n--x-y  \r\ncontent-disposition: form-data; filename=\"a \\\"b\\\".png\"; name=data\r\n\
        Content-Type: image/png\r\n\r\nline\r\n--x-\r\n--x-y\r\n\r\nno head\r\n--x-y--ignored";
    let parts = parse(body, &[body.len()]).unwrap();
    assert_eq!(
        parts,
        [
            (head("data", Some("a \"b\".png")), b"line\r\n--x-".to_vec()),
            (Head::default(), b"no head".to_vec())
        ]
    );
}

#[test]
fn a_part_may_be_empty() {
    let parts = parse(&form(&[("a", b""), ("b", b"\r\n")]), &[1]).unwrap();
    assert_eq!(parts, [(head("a", None), Vec::new()), (head("b", None), b"\r\n".to_vec())]);
}

#[test]
fn everything_but_content_is_limited() {
    let long = "a".repeat(20_000);
    let parts: Vec<(&str, &[u8])> = vec![("a", b"1"); MAX_PARTS + 1];
    let cases = [
        (long.clone().into_bytes(), Error::Preamble),
        (format!("--x-y\r\na: {long}").into_bytes(), Error::LongHead),
        (format!("--x-y\r\na: {long}\r\n\r\n").into_bytes(), Error::LongHead),
        (form(&parts), Error::Parts),
        (b"--x-y and more".to_vec(), Error::Boundary),
        (b"--x-y\r\nno colon\r\n\r\n".to_vec(), Error::Head),
        (b"--x-y\r\na: \xff\r\n\r\n".to_vec(), Error::Head),
        (b"--x-y\r\na: b\r\n\r\ndata\r\n--x-y-".to_vec(), Error::Incomplete),
        (Vec::new(), Error::Incomplete),
    ];
    for (body, error) in cases {
        for size in [1, 100, 1 << 20] {
            assert_eq!(parse(&body, &[size]), Err(error), "pieces of {size}");
        }
    }
    assert_eq!(parse(&form(&parts[1..]), &[7]).unwrap().len(), MAX_PARTS);
}

#[test]
fn the_buffer_stays_small() {
    let mut parser = Parser::new("x-y");
    parser.push(b"--x-y\r\n\r\n");
    for _ in 0..1000 {
        parser.push(&[b'\r'; 4096]);
        while parser.next_event().unwrap().is_some() {}
    }
    assert!(parser.buffered() < 100, "{} bytes", parser.buffered());
}

proptest! {
    #[test]
    fn the_pieces_of_a_body_do_not_matter(
        contents in prop::collection::vec(prop::collection::vec(prop::sample::select(b"\r\n-xyz".to_vec()), 0..40), 1..5),
        sizes in prop::collection::vec(1usize..30, 1..8),
    ) {
        let delimiter = b"\r\n--x-y";
        prop_assume!(!contents.iter().any(|content| {
            [b"\r\n", content.as_slice()].concat().windows(delimiter.len()).any(|window| window == delimiter)
        }));
        let named: Vec<(&str, &[u8])> = contents.iter().map(|content| ("data", content.as_slice())).collect();
        let expected: Parts = contents.iter().map(|content| (head("data", None), content.clone())).collect();
        prop_assert_eq!(parse(&form(&named), &sizes), Ok(expected));
    }

    /// A valid form with a few bytes changed, removed or repeated gives parts or an error, in pieces as in one.
    #[test]
    fn mutated_forms_do_not_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0u8..4, any::<u8>()), 1..6),
        sizes in prop::collection::vec(1usize..50, 1..8),
    ) {
        let mut body = form(&[("data", b"some pixels"), ("comment", b"--x"), ("file", b"")]);
        for (at, kind, byte) in edits {
            if body.is_empty() {
                break;
            }
            let at = at.index(body.len());
            match kind {
                0 => body[at] = byte,
                1 => drop(body.remove(at)),
                2 => body.insert(at, byte),
                _ => body.truncate(at.max(1)),
            }
        }
        prop_assert_eq!(parse(&body, &sizes), parse(&body, &[body.len()]));
    }
}
