//! Runs commands of the system, one after the other, each with an end.
use std::io::{self, Read};
use std::process::{Child, Command as Process, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Command;
use crate::error::OpenError;

/// How long a command may take before it's ended. Windows takes a second for some.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// Bytes of what a program says that are shown.
const SHOWN: usize = 300;

/// Runs them until one fails that mustn't.
pub fn run_all(commands: &[Command]) -> Result<(), OpenError> {
    commands.iter().try_for_each(|command| match (output_of(command.program, &command.arguments), command.failure) {
        (Err(error), Some(code)) => Err(OpenError::io(code, &command.doing, &error)),
        _ => Ok(()),
    })
}

/// What a program prints. An error if it can't be run, fails, or doesn't end; with what it says about that.
pub fn output_of(program: &str, arguments: &[String]) -> io::Result<String> {
    let mut process = Process::new(path_of(program));
    process.args(arguments).env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    hide_window(&mut process);
    let mut child = process.spawn().map_err(|error| io::Error::new(error.kind(), format!("{program}: {error}")))?;
    let ended = wait(&mut child);
    let said = |stream: Option<&mut dyn Read>| {
        let mut bytes = Vec::new();
        // What can't be read is nothing to show.
        let _ = stream.map(|stream| stream.read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    };
    if !ended? {
        let _ = child.kill();
        let _ = child.wait();
        return Err(io::Error::new(io::ErrorKind::TimedOut, format!("{program} took more than {PATIENCE:?}")));
    }
    let status = child.wait()?;
    let printed = said(child.stdout.as_mut().map(|stream| stream as &mut dyn Read));
    if status.success() {
        return Ok(printed);
    }
    let complaint = said(child.stderr.as_mut().map(|stream| stream as &mut dyn Read));
    // netsh complains on its standard output.
    let words = one_line(if complaint.trim().is_empty() { &printed } else { &complaint });
    Err(io::Error::other(if words.is_empty() {
        format!("{program} failed ({status})")
    } else {
        format!("{program}: {words}")
    }))
}

/// Whether it ended in time.
fn wait(child: &mut Child) -> io::Result<bool> {
    let began = Instant::now();
    while child.try_wait()?.is_none() {
        if began.elapsed() > PATIENCE {
            return Ok(false);
        }
        sleep(LOOK_AGAIN);
    }
    Ok(true)
}

fn one_line(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(SHOWN).collect()
}

#[cfg(unix)]
fn path_of(program: &str) -> String {
    program.into()
}

/// In the system's folder: what `PATH` says doesn't decide what runs with our rights.
#[cfg(windows)]
fn path_of(program: &str) -> String {
    let root = std::env::var("SystemRoot").unwrap_or_else(|_| r"C:\Windows".into());
    format!(r"{root}\System32\{program}")
}

#[cfg(unix)]
fn hide_window(_: &mut Process) {}

#[cfg(windows)]
fn hide_window(process: &mut Process) {
    use std::os::windows::process::CommandExt;
    use windows_sys::Win32::System::Threading::CREATE_NO_WINDOW;
    process.creation_flags(CREATE_NO_WINDOW);
}
