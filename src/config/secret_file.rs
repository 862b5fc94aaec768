//! Reads files that hold a secret.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::encoding;
use crate::text::problems;

/// A secret file larger than this is not one.
const LARGEST_SECRET: usize = 64 * 1024;

/// How long to wait for a secret from a FIFO or a device.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What a secret is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lines {
    /// One line.
    One,
    /// Several, each with a part of it.
    Several,
}

/// Whether this is the path of a file that is there, which no secret is.
pub(super) fn is_file(value: &str) -> bool {
    let path = Path::new(value.trim());
    path.is_absolute() && path.is_file()
}

/// Reads the text that a file holds, or says what is wrong with it.
pub(super) fn read(path: &str, lines: Lines) -> Result<String, String> {
    if path.contains("://") {
        return Err(problems::URL_AS_PATH.to_owned());
    }
    let bytes = read_bytes(Path::new(path)).map_err(|error| problems::unreadable(&error))?;
    if bytes.len() > LARGEST_SECRET {
        return Err(problems::LARGE_FILE.to_owned());
    }
    let text = encoding::text(&bytes).map_err(|fault| format!("is {fault}"))?;
    if lines == Lines::One && text.trim().lines().count() > 1 {
        return Err(problems::SEVERAL_LINES.to_owned());
    }
    Ok(text)
}

fn read_bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    // The shell's `<(command)` and standard input wait for as long as the command or the person at the keyboard takes.
    let waits = ["/dev/stdin", "/dev/fd", "/proc/self/fd"].iter().any(|stream| path.starts_with(stream));
    if path.as_os_str() == "-" {
        bytes_of(std::io::stdin().lock())
    } else if waits || path.metadata()?.is_file() {
        bytes_of(std::fs::File::open(path)?)
    } else {
        read_within(path.to_owned(), LONGEST_WAIT)
    }
}

/// Reads what is no regular file, such as a FIFO, which may never be written to.
fn read_within(path: PathBuf, limit: Duration) -> std::io::Result<Vec<u8>> {
    let (done, bytes) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(std::fs::File::open(path).and_then(bytes_of)));
    bytes.recv_timeout(limit).unwrap_or_else(|_| {
        let message =
            format!("it is not a regular file, and nothing came from it within {} s", limit.as_secs());
        Err(std::io::Error::new(std::io::ErrorKind::TimedOut, message))
    })
}

fn bytes_of(source: impl std::io::Read) -> std::io::Result<Vec<u8>> {
    let most = u64::try_from(LARGEST_SECRET).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    source.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_waited_for_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let [silent, spoken] = ["silent", "spoken"].map(|name| dir.path().join(name));
        for path in [&silent, &spoken] {
            assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
        }
        let nobody = read_within(silent, Duration::from_millis(50)).unwrap_err();
        assert!(nobody.to_string().contains("not a regular file"), "{nobody}");
        let other = spoken.clone();
        let somebody = std::thread::spawn(move || std::fs::write(other, "secret\n"));
        assert_eq!(read_within(spoken, LONGEST_WAIT).unwrap(), b"secret\n");
        somebody.join().unwrap().unwrap();
    }
}
