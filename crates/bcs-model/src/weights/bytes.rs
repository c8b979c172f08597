//! A cursor over bytes that never reads beyond them.

/// The unread rest of a buffer. Every method fails where too few bytes are left.
#[derive(Debug, Clone)]
pub(super) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the number of unread bytes.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(|| "it ends too early".to_owned())?;
        self.0 = rest;
        Ok(taken)
    }

    /// Returns the bytes up to a line feed, which is read too.
    pub(super) fn line(&mut self) -> Result<&'a [u8], String> {
        let length = self.0.iter().position(|byte| *byte == b'\n').ok_or("it ends too early")?;
        let line = self.take(length)?;
        self.take(1)?;
        Ok(line)
    }

    pub(super) fn u8(&mut self) -> Result<u8, String> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, String> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, String> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, String> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| "it ends too early".to_owned())
    }
}
