//! Runs the system's own programs, without a shell, each with an end.
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

/// How long a program may take before it's ended. Windows takes a second for some.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// Bytes of what a program says that are read, of each of its outputs.
const MAX_READ: u64 = 1_024 * 1_024;
/// Characters of what a program says that an error has.
const MAX_SAID: usize = 300;

pub struct Ended {
    pub succeeded: bool,
    /// Both of its outputs, errors first.
    pub said: String,
}

/// Runs it to its end. An error if it isn't there, or has none.
pub fn run(program: &Path, arguments: &[String]) -> io::Result<Ended> {
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    hide_window(&mut command);
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", program.display()));
    let mut child = command.spawn().map_err(named)?;
    let (errors, output) = (child.stderr.take(), child.stdout.take());
    // Meanwhile, since one whose pipe is full goes no further.
    let (succeeded, said) = thread::scope(|scope| {
        let readers = [scope.spawn(|| text_of(errors)), scope.spawn(|| text_of(output))];
        (end(&mut child), readers.map(|reader| reader.join().unwrap_or_default()).join("\n"))
    });
    Ok(Ended { succeeded: succeeded.map_err(named)?, said: said.trim().to_owned() })
}

/// What a program said, as an error.
pub fn failed(said: &str) -> io::Error {
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    io::Error::other(words.chars().take(MAX_SAID).collect::<String>())
}

/// A program of Windows, where the system's are, whatever the search path says.
pub fn of_windows(name: &str) -> PathBuf {
    let root = std::env::var_os("SystemRoot").map_or_else(|| PathBuf::from(r"C:\Windows"), PathBuf::from);
    root.join("System32").join(name)
}

/// Whether it ended well.
fn end(child: &mut Child) -> io::Result<bool> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if began.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("it didn't end within {PATIENCE:?}")));
        }
        sleep(LOOK_AGAIN);
    }
}

/// All that there is; what can't be read is nothing to show.
fn text_of(output: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    let _ = output.map(|output| output.take(MAX_READ).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

#[cfg(not(windows))]
fn hide_window(_: &mut Command) {}

#[cfg(windows)]
fn hide_window(command: &mut Command) {
    use std::os::windows::process::CommandExt;
    use windows_sys::Win32::System::Threading::CREATE_NO_WINDOW;
    command.creation_flags(CREATE_NO_WINDOW);
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Ended {
        run(Path::new("/bin/sh"), &["-c".into(), script.into()]).expect("every system has it")
    }

    #[test]
    fn what_a_program_says_is_heard() {
        let ended = shell("echo route; echo File exists >&2; exit 1");
        assert_eq!((ended.succeeded, ended.said.as_str()), (false, "File exists\nroute"));
        assert_eq!(failed(&ended.said).to_string(), "File exists route");
        assert!(shell("true").succeeded);
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = run(Path::new("/nonexistent/route"), &[]).map(|ended| ended.said).expect_err("isn't there");
        assert!(error.to_string().contains("/nonexistent/route"), "{error}");
    }

    #[test]
    fn one_that_says_much_ends_as_well() {
        assert_eq!(shell("yes | head -c 300000; yes | head -c 300000 >&2").said.len(), 2 * 299_999 + 1);
    }

    #[test]
    fn no_shell_reads_what_is_given() {
        let arguments = ["%s".into(), "$(echo no) ; `no` *".into()];
        assert_eq!(run(Path::new("/usr/bin/printf"), &arguments).expect("runs").said, arguments[1]);
    }
}
