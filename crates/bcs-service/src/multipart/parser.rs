use bytes::{Buf, Bytes, BytesMut};
use memchr::memmem::{self, Finder};

use super::{Error, Head, MAX_HEAD, MAX_PARTS, MAX_PREAMBLE};

/// End of a line.
const CRLF: &[u8] = b"\r\n";
/// Follows the last boundary.
const LAST: &[u8] = b"--";
/// Most spaces after a boundary.
const MAX_PADDING: usize = 64;
/// End of the headers of a part.
const HEAD_END: &[u8] = b"\r\n\r\n";

/// A step through a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A part begins.
    Part(Head),
    /// Content of the part.
    Data(Bytes),
}

/// Parser of a form. It holds what was pushed and not yet returned, and not more than a head besides.
///
/// ```
/// use bcs_service::multipart::{Event, Parser};
///
/// let mut parser = Parser::new("x");
/// parser.push(b"--x\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\npix");
/// parser.push(b"els\r\n--x--\r\n");
/// let mut data = Vec::new();
/// while let Some(event) = parser.next_event()? {
///     match event {
///         Event::Part(head) => assert_eq!(head.name.as_deref(), Some("data")),
///         Event::Data(bytes) => data.extend_from_slice(&bytes),
///     }
/// }
/// parser.finish()?;
/// assert_eq!(data, b"pixels");
/// # Ok::<(), bcs_service::multipart::Error>(())
/// ```
#[derive(Debug)]
pub struct Parser {
    /// Line break, two dashes and the boundary.
    delimiter: Finder<'static>,
    buffer: BytesMut,
    state: State,
    preamble: usize,
    parts: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first delimiter.
    Preamble,
    /// After a delimiter.
    Delimiter,
    /// From the line break after a delimiter.
    Head,
    /// In the content of a part.
    Data,
    /// After the last delimiter.
    End,
}

impl Parser {
    /// Creates a parser of a form with this boundary; see [`super::boundary()`].
    pub fn new(boundary: &str) -> Self {
        let delimiter = Finder::new(&[b"\r\n--", boundary.as_bytes()].concat()).into_owned();
        // The first delimiter needs no line break before it.
        let buffer = BytesMut::from(CRLF);
        Self { delimiter, buffer, state: State::Preamble, preamble: 0, parts: 0 }
    }

    /// Adds the next bytes of the body. Take the events that they complete with [`Parser::next_event`].
    pub fn push(&mut self, bytes: &[u8]) {
        // What follows the form is ignored.
        if self.state != State::End {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Returns the next event, or `None` until more bytes are pushed.
    ///
    /// # Errors
    /// [`Error`] if the form is invalid or exceeds a limit.
    pub fn next_event(&mut self) -> Result<Option<Event>, Error> {
        loop {
            let progress = match self.state {
                State::Preamble => self.skip_preamble()?,
                State::Delimiter => self.read_delimiter()?,
                State::Head => match self.read_head()? {
                    Some(head) => return Ok(Some(Event::Part(head))),
                    None => false,
                },
                State::Data => match self.read_data() {
                    Some(data) if data.is_empty() => true,
                    Some(data) => return Ok(Some(Event::Data(data))),
                    None => false,
                },
                State::End => {
                    self.buffer.clear();
                    false
                }
            };
            if !progress {
                return Ok(None);
            }
        }
    }

    /// Ends the form.
    ///
    /// # Errors
    /// [`Error::Incomplete`] if the last boundary has not come.
    pub fn finish(self) -> Result<(), Error> {
        if self.state == State::End { Ok(()) } else { Err(Error::Incomplete) }
    }

    /// Returns the number of bytes that are held.
    #[cfg(test)]
    pub(super) fn buffered(&self) -> usize {
        self.buffer.len()
    }

    fn skip_preamble(&mut self) -> Result<bool, Error> {
        let (skipped, found) = self.before_delimiter();
        self.preamble += skipped;
        if self.preamble > MAX_PREAMBLE + CRLF.len() {
            return Err(Error::Preamble);
        }
        self.buffer.advance(skipped);
        self.pass_delimiter(found);
        Ok(found)
    }

    /// Reads what follows a delimiter: two dashes after the last one, otherwise spaces and a line break.
    fn read_delimiter(&mut self) -> Result<bool, Error> {
        if self.buffer.starts_with(LAST) {
            self.state = State::End;
            return Ok(true);
        }
        let padding = self.buffer.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let rest = &self.buffer[padding..];
        if rest.starts_with(CRLF) {
            self.parts += 1;
            if self.parts > MAX_PARTS {
                return Err(Error::Parts);
            }
            self.buffer.advance(padding);
            self.state = State::Head;
            return Ok(true);
        }
        let may_continue = CRLF.starts_with(rest) || LAST.starts_with(&self.buffer);
        if may_continue && padding <= MAX_PADDING { Ok(false) } else { Err(Error::Boundary) }
    }

    fn read_head(&mut self) -> Result<Option<Head>, Error> {
        let end = memmem::find(&self.buffer, HEAD_END);
        if end.unwrap_or(self.buffer.len()) > MAX_HEAD {
            return Err(Error::LongHead);
        }
        let Some(end) = end else { return Ok(None) };
        let head = Head::parse(&self.buffer[..end])?;
        self.buffer.advance(end + HEAD_END.len());
        self.state = State::Data;
        Ok(Some(head))
    }

    fn read_data(&mut self) -> Option<Bytes> {
        let (length, found) = self.before_delimiter();
        let data = self.buffer.split_to(length).freeze();
        self.pass_delimiter(found);
        (found || !data.is_empty()).then_some(data)
    }

    /// Returns how many bytes precede the next delimiter and whether it is in the buffer. If it is not, the last bytes
    /// are not counted, because they may be its beginning.
    fn before_delimiter(&self) -> (usize, bool) {
        let length = self.delimiter.needle().len();
        match self.delimiter.find(&self.buffer) {
            Some(at) => (at, true),
            None => (self.buffer.len().saturating_sub(length - 1), false),
        }
    }

    fn pass_delimiter(&mut self, found: bool) {
        if found {
            self.buffer.advance(self.delimiter.needle().len());
            self.state = State::Delimiter;
        }
    }
}
