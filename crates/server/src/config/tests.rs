#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use super::*;

const SMALL: &str = r#"
[[catalog]]
name = "nyc"
path = "data"

[pg]
listen = "127.0.0.1:0"
[flight]
listen = "127.0.0.1:0"
[metrics]
listen = "127.0.0.1:0"
"#;

fn load(text: &str, environment: &[(&str, &str)]) -> Result<Loaded> {
    let look_up = |name: &str| {
        let found = environment.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    Loaded::from_text(Path::new("/etc/eider/eider.toml"), text, &look_up)
}

fn check(text: &str, environment: &[(&str, &str)]) -> Result<Checked> {
    load(text, environment)?.check()
}

fn why(text: &str, environment: &[(&str, &str)]) -> String {
    let error = check(text, environment).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    error.message().to_owned()
}

#[test]
fn a_small_file_is_enough() {
    let checked = check(SMALL, &[]).unwrap();
    assert_eq!(checked.engine.default_catalog, "nyc");
    assert_eq!(checked.policy, Path::new("/etc/eider/policy.toml"));
    assert_eq!(checked.pool.catalogs[0].path, Path::new("/etc/eider/data"));
    assert!(checked.pg.is_some() && checked.flight.is_some() && checked.metrics.is_some());
    assert!(checked.pool.memory_limit_bytes > 0);
}

#[test]
fn defaults_are_those_of_the_parts() {
    let checked = check(SMALL, &[]).unwrap();
    let engine = gateway::Config {
        default_catalog: "nyc".to_owned(),
        max_sessions: 4000,
        ..gateway::Config::default()
    };
    assert_eq!(checked.engine, engine);
    assert_eq!(checked.pg.unwrap().config, frontend_pg::Config::default());
    assert_eq!(
        checked.flight.unwrap().config,
        frontend_flight::Config::default()
    );
    assert_eq!(
        checked.metrics.unwrap().config,
        frontend_http::Limits::default()
    );
    assert_eq!(checked.throttle, auth::ThrottleConfig::default());
    let pool = duck::Config {
        memory_limit_bytes: checked.pool.memory_limit_bytes,
        temp_directory: checked.pool.temp_directory.clone(),
        catalogs: checked.pool.catalogs.clone(),
        ..duck::Config::default()
    };
    assert_eq!(checked.pool, pool);
}

#[test]
fn the_environment_beats_the_file() {
    let environment = [
        ("FEATURE_PG_WIRE", "false"),
        ("FLIGHT_SQL_LISTEN_ADDR", "127.0.0.1:1234"),
        ("METRICS_PORT", "4321"),
        ("MAX_MEMORY_GB", "1.5"),
    ];
    let text = SMALL.replace("[metrics]", "[metrics]\nallow_plaintext = true");
    let checked = check(&text, &environment).unwrap();
    assert!(checked.pg.is_none());
    assert_eq!(
        checked.flight.unwrap().addresses,
        ["127.0.0.1:1234".parse().unwrap()]
    );
    assert!(
        checked
            .metrics
            .unwrap()
            .addresses
            .iter()
            .all(|a| a.port() == 4321)
    );
    assert_eq!(checked.pool.memory_limit_bytes, 1_500_000_000);
    let bad = why(SMALL, &[("FEATURE_PG_WIRE", "perhaps")]);
    assert!(
        bad.contains("FEATURE_PG_WIRE") && bad.contains("perhaps"),
        "{bad}"
    );
}

#[test]
fn mistakes_are_named_with_their_line() {
    let unknown = why(&format!("{SMALL}frobnicate = 1\n"), &[]);
    assert!(
        unknown.starts_with("/etc/eider/eider.toml:12: "),
        "{unknown}"
    );
    assert!(unknown.contains("frobnicate"), "{unknown}");
    for (text, named) in [
        (
            SMALL.replace(
                "path = \"data\"",
                "path = \"data\"\nmode = \"read_sometimes\"",
            ),
            "read_sometimes",
        ),
        (format!("default_catalog = \"oslo\"\n{SMALL}"), "oslo"),
        (SMALL.replace("nyc", "system"), "system"),
        (
            format!("{SMALL}[limits]\nstatement_timeout = 30\n"),
            "expected a string",
        ),
        (
            format!("{SMALL}[limits]\nstatement_timeout = \"30\"\n"),
            "is not a time",
        ),
        (
            format!("{SMALL}[limits]\nstatements = 0\n"),
            "[limits] statements must be",
        ),
        (
            format!("{SMALL}[tls]\ncertificate = \"c.pem\"\n"),
            "both certificate and key",
        ),
        (
            format!("{SMALL}[log]\nlevel = \"gateway=loud\"\n"),
            "gateway=loud",
        ),
        (
            "[pg]\nlisten = \"127.0.0.1:0\"\n[flight]\nenabled = false\n[metrics]\nenabled = false"
                .to_owned(),
            "[[catalog]]",
        ),
        ("[pg".to_owned(), "eider.toml:1"),
    ] {
        let reason = why(&text, &[]);
        assert!(reason.contains(named), "{named}: {reason}");
    }
}

#[test]
fn without_tls_a_door_stays_on_this_machine() {
    for section in ["pg", "flight", "metrics"] {
        let open = SMALL.replace(
            &format!("[{section}]\nlisten = \"127.0.0.1:0\""),
            &format!("[{section}]\nlisten = \":0\""),
        );
        let reason = why(&open, &[]);
        assert!(reason.contains(&format!("[{section}]")), "{reason}");
        assert!(reason.contains("allow_plaintext"), "{reason}");
        let allowed = open.replace("listen = \":0\"", "listen = \":0\"\nallow_plaintext = true");
        assert!(check(&allowed, &[]).is_ok());
        let with_tls = format!("{open}[tls]\ncertificate = \"c.pem\"\nkey = \"k.pem\"\n");
        let checked = check(&with_tls, &[]).unwrap();
        assert!(checked.pg.unwrap().config.require_tls);
    }
}

#[test]
fn what_is_dumped_says_the_same() {
    let loaded = load(SMALL, &[("MAX_MEMORY_GB", "2")]).unwrap();
    let dumped = loaded.dump().unwrap();
    assert!(dumped.contains("memory = \"2GB\""), "{dumped}");
    let again = load(&dumped, &[]).unwrap();
    assert_eq!(again.file, loaded.file);
}

#[test]
fn every_default_is_read() {
    assert_eq!(load("", &[]).unwrap().file, ConfigFile::default());
}

#[test]
fn the_demonstration_loads() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/demo/eider.toml");
    let checked = Loaded::read(&path).unwrap().check().unwrap();
    assert_eq!(checked.engine.default_catalog, "nyc");
}

#[test]
fn the_documentation_is_in_step() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(
        committed == documentation(),
        "docs/configuration.md is out of step: eider config docs > docs/configuration.md"
    );
}
