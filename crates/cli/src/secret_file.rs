//! Files with secrets: only their owner can read them, nothing is written through a symbolic link, and no file is left half
//! written.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// Writes `text` to a new file.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`] if anything has the name, even a symbolic link; and the system's own errors.
pub(crate) fn create(file: &Path, text: &str) -> io::Result<()> {
    write_new(file, text)
}

/// Replaces a file by one with `text`. A new file in the same folder is renamed, so that a full disk leaves the old one intact.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] if `file` is a symbolic link; and the system's own errors.
pub(crate) fn replace(file: &Path, text: &str) -> io::Result<()> {
    refuse_link(file)?;
    let beside = beside(file)?;
    write_new(&beside, text)?;
    // If a link has been put in its place meanwhile, the link is replaced, not its target.
    fs::rename(&beside, file).inspect_err(|_| drop(fs::remove_file(&beside)))
}

/// Refuses a symbolic link: its target may be readable by others, or belong to somebody else.
///
/// # Errors
/// [`ErrorKind::InvalidInput`].
pub(crate) fn refuse_link(file: &Path) -> io::Result<()> {
    match file.symlink_metadata() {
        Ok(found) if found.file_type().is_symlink() => {
            Err(io::Error::new(ErrorKind::InvalidInput, "it is a symbolic link; name the file itself"))
        }
        _ => Ok(()),
    }
}

/// Creates a file with `text`. `create_new` fails if the name exists, and follows no link.
fn write_new(file: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let written = |mut new: File| {
        writeln!(new, "{text}")?;
        new.sync_all()
    };
    written(options.open(file)?).inspect_err(|_| drop(fs::remove_file(file)))
}

/// An unpredictable name in the folder of `file`.
fn beside(file: &Path) -> io::Result<PathBuf> {
    let mut random = [0; 8];
    getrandom::getrandom(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
    let mut name = OsString::from(file.file_name().unwrap_or_default());
    name.push(format!(".{:016x}.new", u64::from_be_bytes(random)));
    Ok(file.with_file_name(name))
}
