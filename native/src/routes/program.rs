//! Runs the system's own program, without a shell.
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// Characters of what a program says that are kept.
const MAX_SAID: usize = 300;

pub struct Ended {
    pub succeeded: bool,
    /// Both of its outputs, errors first.
    pub said: String,
}

pub fn run(program: &Path, arguments: &[String]) -> io::Result<Ended> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", program.display())))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let said = format!("{}\n{}", text(&output.stderr), text(&output.stdout));
    Ok(Ended { succeeded: output.status.success(), said: said.trim().to_owned() })
}

/// What a program said, as an error.
pub fn failed(said: &str) -> io::Error {
    let line = said.lines().collect::<Vec<_>>().join(" ");
    io::Error::other(line.chars().take(MAX_SAID).collect::<String>())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_says_is_heard() {
        let arguments = ["-c".to_owned(), "echo route; echo File exists >&2; exit 1".to_owned()];
        let ended = run(Path::new("/bin/sh"), &arguments).expect("every system has it");
        assert_eq!((ended.succeeded, ended.said.as_str()), (false, "File exists\nroute"));
        assert_eq!(failed(&ended.said).to_string(), "File exists route");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = run(Path::new("/nonexistent/route"), &[]).map(|ended| ended.said).expect_err("isn't there");
        assert!(error.to_string().contains("/nonexistent/route"), "{error}");
    }
}
