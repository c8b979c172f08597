//! A copy of what the program prints to standard output.

use std::fs::File;
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::thread::JoinHandle;

/// Standard output that is copied: it goes through a pipe to a thread that writes it where it went before, and hands it on.
/// Dropping this ends the copy.
#[derive(Debug)]
pub struct Console {
    before: OwnedFd,
    copier: Option<JoinHandle<()>>,
}

impl Console {
    /// Begins to copy standard output; `copy` gets it piece by piece.
    ///
    /// # Errors
    /// I/O errors of pipes and file descriptors.
    pub fn capture(copy: impl FnMut(&str) + Send + 'static) -> io::Result<Self> {
        io::stdout().flush()?;
        let before = io::stdout().as_fd().try_clone_to_owned()?;
        let target = File::from(before.try_clone()?);
        let (reader, writer) = io::pipe()?;
        let copier = std::thread::Builder::new()
            .name("console".to_owned())
            .spawn(move || forward(reader, target, copy))?;
        rustix::stdio::dup2_stdout(writer)?;
        Ok(Self { before, copier: Some(copier) })
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        // The pipe has one writer, standard output, so that the copier ends when that is another file again.
        _ = io::stdout().flush();
        if rustix::stdio::dup2_stdout(&self.before).is_ok()
            && let Some(copier) = self.copier.take()
        {
            _ = copier.join();
        }
    }
}

fn forward(mut reader: PipeReader, mut target: File, mut copy: impl FnMut(&str)) {
    let mut buffer = [0; 8192];
    // Bytes of a character whose rest has not arrived.
    let mut pending: Vec<u8> = Vec::new();
    while let Ok(len @ 1..) = reader.read(&mut buffer) {
        // Where the program's output is closed, it goes on, as does the copy.
        _ = target.write_all(&buffer[..len]);
        pending.extend_from_slice(&buffer[..len]);
        let complete = match std::str::from_utf8(&pending) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => pending.len(),
        };
        let rest = pending.split_off(complete);
        copy(&String::from_utf8_lossy(&pending));
        pending = rest;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn what_is_printed_is_copied() {
        let text = Arc::new(Mutex::new(String::new()));
        let copied = Arc::clone(&text);
        let console = Console::capture(move |part: &str| copied.lock().unwrap().push_str(part)).unwrap();
        // Printing with `println!` does not reach standard output in tests.
        let mut stdout = io::stdout();
        writeln!(stdout, "Dice 0.87").unwrap();
        // A character in two pieces.
        stdout.write_all(&"µ".as_bytes()[..1]).unwrap();
        stdout.flush().unwrap();
        stdout.write_all(&"µ".as_bytes()[1..]).unwrap();
        writeln!(stdout, "m").unwrap();
        drop(console);
        writeln!(stdout, "after").unwrap();
        let text = text.lock().unwrap();
        assert!(text.contains("Dice 0.87\n") && text.contains("µm\n"), "{text:?}");
        assert!(!text.contains("after"), "{text:?}");
    }
}
