//! Files that a run leaves: written whole or not at all, into regular files only and never through a link.
//!
//! In a file's place may be anything: a FIFO without a reader would block the run for ever, and a link in a checkout
//! would write the text elsewhere.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Read as _, Result, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// Opens no link.
#[cfg(unix)]
const NO_LINK: i32 = libc::O_NOFOLLOW;

/// Does not wait for the other end of a FIFO.
#[cfg(unix)]
const NO_WAIT: i32 = libc::O_NONBLOCK;

#[cfg(not(unix))]
const NO_LINK: i32 = 0;
#[cfg(not(unix))]
const NO_WAIT: i32 = 0;

/// The mode of a file that everybody may use, as far as the user's mask allows it.
pub(crate) const EVERYBODY: u32 = 0o666;

/// The mode of a file that nobody else may read.
pub(crate) const OWNER: u32 = 0o600;

/// Appends to a file that others write to as well. A last line without its end is ended first;
/// where the text does not fit, the file is left as it was.
pub(crate) fn append(path: &Path, text: &str) -> Result<()> {
    let mut options = options(NO_LINK | NO_WAIT, EVERYBODY);
    options.append(true).create(true);
    // The last character cannot be read from a file that may only be written: then a blank line does no harm.
    let mut file = match options.clone().read(true).open(path) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => options.open(path)?,
        opened => opened?,
    };
    let length = regular(&file)?;
    let gap = if length == 0 || ends_its_line(&mut file) { "" } else { "\n" };
    file.write_all(format!("{gap}{text}").as_bytes()).inspect_err(|_| {
        let _ = file.set_len(length);
    })
}

/// Puts a file with this text and this mode in place of whatever file or link has its name.
pub(crate) fn replace(path: &Path, text: &str, mode: u32) -> Result<()> {
    match path.symlink_metadata().map(|there| there.file_type()) {
        Ok(kind) if !kind.is_file() && !kind.is_symlink() => return Err(not_regular()),
        _ => {}
    }
    let draft = draft(path);
    let file = options(0, mode).write(true).create_new(true).open(&draft);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.and_then(|()| std::fs::rename(&draft, path)).inspect_err(|_| {
        let _ = std::fs::remove_file(&draft);
    })
}

/// Takes away a file or link of this name; nothing else.
pub(crate) fn remove(path: &Path) {
    if path.symlink_metadata().is_ok_and(|there| there.is_file() || there.is_symlink()) {
        let _ = std::fs::remove_file(path);
    }
}

/// Reads a regular file of at most `most` bytes.
pub(crate) fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    let file = options(NO_WAIT, EVERYBODY).read(true).open(path)?;
    if regular(&file)? > most {
        return Err(Error::new(ErrorKind::FileTooLarge, "it is too large"));
    }
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A name beside the file's own that no other process uses.
fn draft(path: &Path) -> PathBuf {
    path.with_file_name(format!(".deploy-hook-{:016x}.tmp", fastrand::u64(..)))
}

/// The length of a regular file. It is read from the open file, because its path may change.
fn regular(file: &File) -> Result<u64> {
    let about = file.metadata()?;
    if about.is_file() { Ok(about.len()) } else { Err(not_regular()) }
}

fn not_regular() -> Error {
    Error::new(ErrorKind::InvalidInput, "it is not a regular file")
}

fn ends_its_line(file: &mut File) -> bool {
    let mut last = [0];
    let read = file.seek(SeekFrom::End(-1)).and_then(|_| file.read_exact(&mut last));
    read.is_ok() && last == *b"\n"
}

/// Options with these flags of the system, and for a file that is made with this mode.
#[cfg(unix)]
fn options(flags: i32, mode: u32) -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new().custom_flags(flags).mode(mode).clone()
}

/// Elsewhere there are no such options.
#[cfg(not(unix))]
fn options(_: i32, _: u32) -> OpenOptions {
    OpenOptions::new()
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::process::Command;

    use super::*;

    fn fifo(path: &Path) {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    }

    #[test]
    fn an_unfinished_last_line_is_ended_and_a_finished_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("output");
        for (before, after) in
            [("", "a=1\n"), ("x=1\n", "x=1\na=1\n"), ("x=1", "x=1\na=1\n"), ("x=1\r", "x=1\r\na=1\n")]
        {
            std::fs::write(&path, before).unwrap();
            append(&path, "a=1\n").unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), after, "{before:?}");
        }
        append(&dir.path().join("new"), "a=1\n").unwrap();
        assert_eq!(std::fs::read_to_string(dir.path().join("new")).unwrap(), "a=1\n");
    }

    #[test]
    fn what_is_no_regular_file_is_an_error_and_never_a_wait() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fifo(&at("fifo"));
        std::fs::create_dir(at("folder")).unwrap();
        let _socket = UnixListener::bind(at("socket")).unwrap();
        std::fs::write(at("target"), "theirs\n").unwrap();
        symlink(at("target"), at("link")).unwrap();
        symlink("/nowhere/file", at("dangling")).unwrap();
        for name in ["fifo", "folder", "socket", "link", "dangling", "/dev/null", "/dev/full"] {
            assert!(append(&at(name), "ours\n").is_err(), "{name}");
        }
        for name in ["fifo", "folder", "socket", "/dev/null"] {
            assert!(replace(&at(name), "ours\n", EVERYBODY).is_err(), "{name}");
            assert!(read(&at(name), 100).is_err(), "{name}");
            remove(&at(name));
            assert!(at(name).exists(), "{name}");
        }
        assert_eq!(std::fs::read_to_string(at("target")).unwrap(), "theirs\n");
        assert_eq!(read(&at("link"), 100).unwrap(), b"theirs\n", "to read through a link harms nobody");
        assert!(read(&at("target"), 6).is_err(), "too large");
    }

    #[test]
    fn a_link_is_replaced_and_what_it_led_to_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("target"), "theirs\n").unwrap();
        symlink(at("target"), at("link")).unwrap();
        replace(&at("link"), "ours\n", EVERYBODY).unwrap();
        assert!(!at("link").is_symlink());
        let texts = [at("link"), at("target")].map(|path| std::fs::read_to_string(path).unwrap());
        assert_eq!(texts, ["ours\n", "theirs\n"]);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "no draft is left");
        assert!(replace(&at("no/such/folder"), "ours\n", EVERYBODY).is_err());
    }
}
