//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// One governed path from PostgreSQL and Arrow Flight SQL clients to DuckDB.
#[derive(Debug, Parser)]
#[command(name = "eider", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serves until SIGTERM or SIGINT; a second one ends at once.
    Serve(Serve),
    /// Checks, prints or documents the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Checks, explains and tests a policy on the catalogs, without a server.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Makes a verifier for policy.toml of a password, read from the terminal or standard input.
    Password,
    /// Lists or ends the statements of a running server, as an administrator.
    Queries(Queries),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Says whether a file is good.
    Check(ConfigFile),
    /// Prints what is in force: the file, the environment, and defaults.
    Dump(ConfigFile),
    /// Prints the documentation of all keys as Markdown.
    Docs,
}

#[derive(Args, Debug)]
pub(crate) struct ConfigFile {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Says whether a policy is good.
    Check {
        #[command(flatten)]
        place: PolicyPlace,
        /// The same as --policy.
        #[arg(value_name = "POLICY", conflicts_with = "policy")]
        file: Option<PathBuf>,
    },
    /// Prints the JSON Schema of a policy's files, for editors.
    Schema,
    /// Tells which rules meet in a statement, and what becomes of it.
    Explain {
        #[command(flatten)]
        place: PolicyPlace,
        /// Who is to be thought of as asking.
        #[arg(long = "as", value_name = "PRINCIPAL")]
        user: String,
        /// The statement. It is not run.
        sql: String,
    },
    /// Runs cases: who asks what, and what is expected.
    Test {
        #[command(flatten)]
        place: PolicyPlace,
        /// The cases, in TOML.
        cases: PathBuf,
    },
    /// Runs statements as each principal through every door and form, and compares the answers with
    /// those of a copy of the data, filtered and masked beforehand.
    Verify(Verify),
}

#[derive(Args, Debug)]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) place: PolicyPlace,
    /// Statements to run, each ending in a semicolon, or an audit with their texts; without it some over
    /// every table that is seen.
    #[arg(long, value_name = "FILE")]
    pub(crate) corpus: Option<PathBuf>,
    /// Whose answers are compared; everybody's without it.
    #[arg(long, value_name = "NAME")]
    pub(crate) principal: Vec<String>,
    /// The PostgreSQL door of a running server, which is asked in place of one made for the purpose.
    #[arg(long, value_name = "HOST:PORT", requires = "passwords")]
    pub(crate) pg: Option<String>,
    /// The Flight SQL door of a running server.
    #[arg(long, value_name = "HOST:PORT", requires = "passwords")]
    pub(crate) flight: Option<String>,
    /// The principals' passwords at the running server, in TOML: `name = "password"`.
    #[arg(long, value_name = "FILE")]
    pub(crate) passwords: Option<PathBuf>,
    /// A principal who sees all that the running server holds: the raw rows of what can't be read here
    /// are asked of its Flight SQL door as this one.
    #[arg(long, value_name = "NAME", requires_all = ["passwords", "flight"])]
    pub(crate) raw_as: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct PolicyPlace {
    /// The configuration, for the catalogs.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// A policy other than the configured one: a file or a folder.
    #[arg(long, value_name = "PATH")]
    pub(crate) policy: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Where to write the doors' addresses, as JSON, once all accept statements.
    #[arg(long, value_name = "FILE")]
    pub(crate) addresses: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Queries {
    /// The configuration of the server, for the address of its operations door.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "url",
        conflicts_with = "url"
    )]
    pub(crate) config: Option<PathBuf>,
    /// The operations door, such as http://127.0.0.1:9090.
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// The certificate of an authority to trust, in PEM, for https.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// An administrator's name.
    #[arg(long, env = "EIDER_USER")]
    pub(crate) user: String,
    /// Its password; asked for if not in the environment.
    #[arg(skip = std::env::var("EIDER_PASSWORD").ok())]
    pub(crate) password: Option<String>,
    #[command(subcommand)]
    pub(crate) action: Option<QueriesAction>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QueriesAction {
    /// Lists the statements in work, oldest first. The default.
    List,
    /// Ends a statement.
    Kill {
        /// Its id.
        id: model::StatementId,
    },
}
