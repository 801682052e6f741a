//! Passwords from a person or a script.

use std::io::{self, BufRead, IsTerminal, Write};

use model::{Error, ErrorKind, Result};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Asks for a password, twice where a person types it, and makes a verifier of it.
pub(crate) fn make_verifier() -> Result<String> {
    let password = read("Password: ")?;
    if io::stdin().is_terminal() && read("Again: ")? != password {
        return Err(refused("the passwords differ"));
    }
    if password.is_empty() {
        return Err(refused("the password is empty"));
    }
    auth::verifier(&password)
}

/// Reads one line from standard input; from a terminal without showing it.
pub(crate) fn read(prompt: &str) -> Result<String> {
    let stdin = io::stdin();
    let hidden = match stdin.is_terminal() {
        true => {
            let mut stderr = io::stderr().lock();
            stderr
                .write_all(prompt.as_bytes())
                .and_then(|()| stderr.flush())
                .map_err(Error::internal)?;
            Some(Hidden::new()?)
        }
        false => None,
    };
    let mut line = String::new();
    let read = stdin.lock().read_line(&mut line);
    if hidden.is_some() {
        // The end of the line was not shown either.
        let _ = writeln!(io::stderr().lock());
    }
    drop(hidden);
    read.map_err(|e| refused("the password can't be read").with_cause(e))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn refused(message: &str) -> Error {
    Error::new(ErrorKind::InvalidParameterValue, message)
}

/// A terminal that does not show what is typed, until dropped.
struct Hidden(Termios);

impl Hidden {
    fn new() -> Result<Self> {
        let stdin = io::stdin();
        let before = tcgetattr(&stdin).map_err(Error::internal)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Flush, &quiet).map_err(Error::internal)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // The terminal may have gone; then there is nothing to put back.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}
