//! The real program: start, announce, answer, stop.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const POLICY: &str = r#"
[[role]]
name = "all"
[[principal]]
name = "ann"
verifier = "SCRAM-SHA-256$4096:Gxw03gYPxAW8tVEPJakrEQ==$WZjEiFuQsUS+6IBscIi9pTzjWXF7CrXT7kgRL2IZ5l8=:7dIL5WuDxy4A1e/y5epnKSaWcGDjq2pHa/Rad2vLwrY="
roles = ["all"]
[[grant]]
role = "all"
on = "*.*.*"
privileges = ["select"]
"#;

const CONFIG: &str = r#"
[[catalog]]
name = "home"
path = "home.duckdb"
mode = "read_write"
[pg]
listen = "127.0.0.1:0"
[flight]
enabled = false
[metrics]
listen = "127.0.0.1:0"
"#;

fn folder(config: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.toml"), POLICY).unwrap();
    let path = folder.path().join("eider.toml");
    std::fs::write(&path, config).unwrap();
    (folder, path)
}

fn eider(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eider"));
    command.args(arguments);
    for variable in [
        "FEATURE_PG_WIRE",
        "PG_WIRE_LISTEN_ADDR",
        "METRICS_PORT",
        "MAX_MEMORY_GB",
    ] {
        command.env_remove(variable);
    }
    command
}

fn serve(config: &Path, addresses: &Path) -> Command {
    let (config, addresses) = (config.to_str().unwrap(), addresses.to_str().unwrap());
    let mut command = eider(&["serve", "--config", config, "--addresses", addresses]);
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Reads the log until a line has that message.
fn until(log: &mut impl BufRead, message: &str) {
    let wanted = format!("\"message\":\"{message}\"");
    let mut line = String::new();
    let mut read = String::new();
    while !line.contains(&wanted) {
        line.clear();
        assert_ne!(
            log.read_line(&mut line).unwrap(),
            0,
            "no {message:?} in:\n{read}"
        );
        read.push_str(&line);
    }
}

/// A running server that does not outlive its test.
struct Running(Child);

impl Running {
    fn terminate(&self) {
        let pid = Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended, as it should.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: eider\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn it_announces_its_doors_answers_and_ends_cleanly() {
    let (folder, config) = folder(CONFIG);
    let addresses = folder.path().join("addresses.json");
    let mut server = Running(serve(&config, &addresses).spawn().unwrap());
    let mut log = BufReader::new(server.0.stderr.take().unwrap());
    until(&mut log, "serving");

    let announced = std::fs::read(&addresses).unwrap();
    let announced: serde_json::Value = serde_json::from_slice(&announced).unwrap();
    assert!(announced["flight"].is_null());
    let (pg, metrics) = (
        announced["pg"].as_str().unwrap(),
        announced["metrics"].as_str().unwrap(),
    );
    assert!(get(metrics, "/health").starts_with("HTTP/1.1 200"));
    assert!(get(metrics, "/metrics").contains("# TYPE eider_"));
    assert!(get(metrics, "/v1/statements").starts_with("HTTP/1.1 401"));
    // A client that stays: the server's end ends it.
    let _client = TcpStream::connect(pg).unwrap();

    server.terminate();
    until(&mut log, "stopped");
    assert_eq!(server.0.wait().unwrap().code(), Some(0));
    assert!(TcpStream::connect(pg).is_err());
}

#[test]
fn a_broken_start_is_explained_and_announces_nothing() {
    for (spoil, named) in [
        (
            "path = \"home.duckdb\"\nmode = \"read_write\"",
            "no_such_folder",
        ),
        ("[flight]\nenabled = false", "policy_of_nobody.toml"),
    ] {
        let with = match named {
            "no_such_folder" => "path = \"no_such_folder\"",
            _ => "[flight]\nenabled = false\n[policy]\npath = \"policy_of_nobody.toml\"",
        };
        assert!(CONFIG.contains(spoil));
        let (folder, config) = folder(&CONFIG.replace(spoil, with));
        let addresses = folder.path().join("addresses.json");
        let ended = serve(&config, &addresses).output().unwrap();
        assert_eq!(ended.status.code(), Some(1));
        let told = String::from_utf8(ended.stderr).unwrap();
        assert!(told.contains(named), "{told}");
        assert!(!addresses.exists());
    }
}

#[test]
fn a_password_in_place_of_a_verifier_is_told_with_its_line() {
    let (folder, config) = folder(CONFIG);
    let policy = folder.path().join("policy.toml");
    let eve = "[[principal]]\nname = \"eve\"\nverifier = \"hunter2\"\n";
    std::fs::write(policy, format!("{POLICY}{eve}")).unwrap();
    let ended = serve(&config, &folder.path().join("a.json"))
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let told = String::from_utf8(ended.stderr).unwrap();
    assert!(
        told.contains("policy.toml:14: principal \"eve\": a verifier has the form"),
        "{told}"
    );
    assert!(told.contains("eider password") && !told.contains("hunter2"));
}

#[test]
fn a_taken_port_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (folder, config) = folder(&CONFIG.replacen("127.0.0.1:0", &address, 1));
    let ended = serve(&config, &folder.path().join("a.json"))
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(String::from_utf8(ended.stderr).unwrap().contains(&address));
}

#[test]
fn a_password_from_a_script_becomes_a_verifier() {
    let run = |input: &str| -> Output {
        let mut command = eider(&["password"]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        child.wait_with_output().unwrap()
    };
    let made = run("correct horse\n");
    assert!(made.status.success());
    let verifier = String::from_utf8(made.stdout).unwrap();
    assert!(
        verifier.trim_end().parse::<auth::Verifier>().is_ok(),
        "{verifier}"
    );
    assert!(
        !String::from_utf8(made.stderr)
            .unwrap()
            .contains("correct horse")
    );
    let refused = run("\n");
    assert_eq!(refused.status.code(), Some(1));
}

#[test]
fn a_configuration_is_checked_and_dumped() {
    let (_folder, config) = folder(CONFIG);
    let config = config.to_str().unwrap();
    assert!(
        eider(&["config", "check", "--config", config])
            .status()
            .unwrap()
            .success()
    );
    let dumped = eider(&["config", "dump", "--config", config])
        .output()
        .unwrap();
    let dumped = String::from_utf8(dumped.stdout).unwrap();
    assert!(dumped.contains("queue_timeout = \"30s\""), "{dumped}");
}
