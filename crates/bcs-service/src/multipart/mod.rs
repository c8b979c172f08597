//! Forms (`multipart/form-data`, RFC 7578) read from pieces of any size, within limits on everything that is not the
//! content of a field.
//!
//! # Layout
//! - [`boundary()`]: the boundary in a `Content-Type`
//! - [`Parser`]: from pieces of a body to the parts of the form
//! - `head`: headers of a part

mod boundary;
mod head;
mod parser;

pub use boundary::boundary;
pub use head::Head;
pub use parser::{Event, Parser};

/// Most bytes before the first boundary. Clients send none.
pub const MAX_PREAMBLE: usize = 4 << 10;
/// Most bytes of the headers of a part.
pub const MAX_HEAD: usize = 16 << 10;
/// Most parts of a form.
pub const MAX_PARTS: usize = 32;

/// Why a body is not a valid form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The content type is another one, or it has no valid boundary.
    #[error("the content type is not multipart/form-data with a boundary")]
    ContentType,
    /// The body ends before the last boundary.
    #[error("the body ends before its last boundary")]
    Incomplete,
    /// There is too much before the first boundary.
    #[error("the first boundary is not within {MAX_PREAMBLE} bytes")]
    Preamble,
    /// The headers of a part are too long.
    #[error("the headers of a part are longer than {MAX_HEAD} bytes")]
    LongHead,
    /// There are too many parts.
    #[error("the form has more than {MAX_PARTS} parts")]
    Parts,
    /// A boundary is followed by something else than a line break.
    #[error("a boundary is not followed by a line break")]
    Boundary,
    /// The headers of a part are not valid.
    #[error("the headers of a part are not valid")]
    Head,
}

#[cfg(test)]
mod tests;
