//! `eider`: one governed path from PostgreSQL and Arrow Flight SQL clients to DuckDB.

mod cli;
mod config;
mod listen;
mod password;
mod policy_file;
mod policy_tool;
mod queries;
mod reload;
mod serve;
mod tls;
mod verify;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use model::{Error, Result};

use cli::{Cli, Command, ConfigCommand, PolicyCommand};
use config::Loaded;

fn main() -> ExitCode {
    let result = run(Cli::parse());
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<()> {
    // Before anything makes a TLS configuration. A second provider can't be there yet.
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| Error::internal("a cryptographic provider is installed already"))?;
    match cli.command {
        Command::Serve(arguments) => serve::serve(&arguments),
        Command::Config(ConfigCommand::Check(file)) => {
            Loaded::read(&file.config)?.check()?;
            print(&format!("{}: good\n", file.config.display()))
        }
        Command::Config(ConfigCommand::Dump(file)) => {
            let loaded = Loaded::read(&file.config)?;
            loaded.check()?;
            print(&loaded.dump()?)
        }
        Command::Config(ConfigCommand::Docs) => print(&config::documentation()),
        Command::Policy(PolicyCommand::Verify(arguments)) => print(&verify::run(&arguments)?),
        Command::Policy(command) => print(&policy_tool::run(&command)?),
        Command::Password => print(&format!("{}\n", password::make_verifier()?)),
        Command::Queries(arguments) => print(&queries::run(&arguments)?),
    }
}

/// Writes to standard output. A reader that has gone is no error of ours.
fn print(text: &str) -> Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::internal(error)),
        _ => Ok(()),
    }
}

/// Tells a person on standard error what went wrong, with all that is known: this is the machine's
/// own operator.
fn complain(error: &Error) {
    let mut text = format!("eider: {error}");
    let more = [error.detail(), error.hint()].into_iter().flatten();
    for line in more.flat_map(str::lines) {
        text.push_str("\n  ");
        text.push_str(line);
    }
    let mut cause = std::error::Error::source(error);
    while let Some(below) = cause {
        text.push_str(&format!("\n  caused by: {below}"));
        cause = below.source();
    }
    // There is nowhere left to report a failure to.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
