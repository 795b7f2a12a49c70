//! Talking to the person: messages in pairs, progress bars, and an orderly end on Ctrl-C.

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::error::{Error, Result};
use crate::report::terminal::plain;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();

/// What shells report for a program that Ctrl-C ended.
const STOPPED: i32 = 130;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Prints `error:` and, if there is one, `hint:`.
pub fn complain(error: &Error) {
    let mut err = anstream::stderr().lock();
    let _ = writeln!(err, "{ERROR}error:{ERROR:#} {}", plain(&error.to_string()));
    if let Some(hint) = error.hint() {
        let _ = writeln!(err, "{HINT}hint:{HINT:#} {}", plain(hint));
    }
}

/// Prints a line that is not data.
pub fn say(text: impl AsRef<str>) {
    let _ = writeln!(anstream::stderr().lock(), "{}", text.as_ref());
}

/// Prints `warning:`.
pub fn warn(text: impl AsRef<str>) {
    let _ = writeln!(anstream::stderr().lock(), "{WARNING}warning:{WARNING:#} {}", text.as_ref());
}

/// Prints a line, or a screen, of data. Styles are left out where the output is no terminal or `NO_COLOR` is
/// set.
pub fn print(text: impl AsRef<str>) -> Result<()> {
    let mut out = anstream::stdout().lock();
    let written = write!(out, "{}", text.as_ref()).and_then(|()| out.flush());
    match written {
        // Whoever reads us has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(Error::standard_output),
    }
}

/// A bar over `bytes` bytes (0: not known), shown on a terminal only.
pub fn bar(task: &str, bytes: u64) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let template = if bytes > 0 {
        "{msg} [{bar:30}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left"
    } else {
        "{msg} {spinner} {bytes}, {bytes_per_sec}"
    };
    let style =
        ProgressStyle::with_template(template).expect("the template is well formed").progress_chars("=> ");
    ProgressBar::with_draw_target((bytes > 0).then_some(bytes), target)
        .with_style(style)
        .with_message(task.to_owned())
}

/// A bar over tasks whose number is not known yet, shown on a terminal only.
pub fn counter(task: &str) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template("{msg} [{bar:30}] {pos} of {len}, {eta} left")
        .expect("the template is well formed")
        .progress_chars("=> ");
    ProgressBar::with_draw_target(Some(0), target).with_style(style).with_message(task.to_owned())
}

/// From now on Ctrl-C and the like stop the work with an error, so that temporary files are removed. A second
/// one ends the process on the spot: it may be waiting for something that never comes.
pub fn interruptible() -> &'static AtomicBool {
    // A second call, or a system without signals, changes nothing.
    let _ = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(STOPPED);
        }
    });
    &INTERRUPTED
}
