//! Files that hold secrets: only their owner can read them, nothing is written through a symbolic link, and no file is ever
//! left half written.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// Writes `text` to a new file.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`] when anything has the name, a symbolic link included; and what the system reports.
pub(crate) fn create(file: &Path, text: &str) -> io::Result<()> {
    write_new(file, text)
}

/// Replaces a file by one that holds `text`: a new one beside it is renamed, so that a full disk leaves the old one.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] when `file` is a symbolic link; and what the system reports.
pub(crate) fn replace(file: &Path, text: &str) -> io::Result<()> {
    refuse_link(file)?;
    let beside = beside(file)?;
    write_new(&beside, text)?;
    // A link that was put in the place meanwhile is itself replaced, and not what it leads to.
    fs::rename(&beside, file).inspect_err(|_| drop(fs::remove_file(&beside)))
}

/// Refuses a symbolic link: what it leads to may be readable by others, or somebody else's file.
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

/// `create_new` fails for whatever is there and follows no link.
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

/// A name beside `file` that nobody can have taken before.
fn beside(file: &Path) -> io::Result<PathBuf> {
    let mut random = [0; 8];
    getrandom::getrandom(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
    let mut name = OsString::from(file.file_name().unwrap_or_default());
    name.push(format!(".{:016x}.new", u64::from_be_bytes(random)));
    Ok(file.with_file_name(name))
}
