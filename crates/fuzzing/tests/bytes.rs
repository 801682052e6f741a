//! The other bodies over seeds, and over seeds with bytes changed, put in, left out and doubled.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]
#![allow(clippy::print_stdout, reason = "seeds and counts are told")]

#[path = "../../policy/tests/common/rng.rs"]
mod rng;

use fuzzing::Policies;
use rng::Rng;

/// Inputs of an ordinary run, for each body.
const INPUTS: u64 = 8_000;

const SEED: u64 = 20_261_122;

/// Bytes that mean something: lengths, ends, signs.
const BYTES: [u8; 10] = [0, 1, 4, 8, 0x0a, 0x12, 0x7f, 0x80, 0xfe, 0xff];

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|n| n.parse().unwrap())
}

fn mutated(rng: &mut Rng, seeds: &[Vec<u8>], pieces: &[&str]) -> Vec<u8> {
    let mut bytes = rng.pick(seeds).clone();
    for _ in 0..rng.below(4) {
        let at = rng.below(bytes.len() + 1);
        let piece = match rng.chance(50) && !pieces.is_empty() {
            true => rng.pick(pieces).as_bytes().to_vec(),
            false => vec![*rng.pick(&BYTES)],
        };
        let end = (at + rng.below(4)).min(bytes.len());
        match rng.below(5) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => drop(bytes.splice(at..at, piece)),
            3 => {
                let twice = bytes[at..].to_vec();
                bytes.extend(twice);
            }
            _ => drop(bytes.splice(at..end, piece)),
        }
    }
    bytes
}

/// Feeds mutations to a body, and counts those of which it says yes.
fn drive(inputs: u64, seeds: &[Vec<u8>], pieces: &[&str], body: impl Fn(&[u8]) -> bool) -> u64 {
    let seed = number("EIDER_RANDOM_SEED").unwrap_or(SEED);
    println!("seed {seed}");
    let inputs = number("EIDER_RANDOM_QUERIES").unwrap_or(inputs);
    let each = |n| mutated(&mut Rng::new(Rng::seed_of(seed, n)), seeds, pieces);
    seeds.iter().filter(|s| body(s)).count() as u64
        + (0..inputs).filter(|n| body(&each(*n))).count() as u64
}

const POLICIES: [&str; 4] = [
    "mapping = ['rw.main.mine']\n[[principal]]\nname = 'p'\nverifier = 'x'\nroles = ['r']\nattributes = { a = 1, b = 'x' }\n[[role]]\nname = 'r'\n\
     [[grant]]\nrole = 'r'\non = 'rw.main.t'\nprivileges = ['select']\nrows = \"region = attribute('b') and amt > attribute('a')\"\n",
    "[[principal]]\nname = 'p'\nverifier = 'x'\nroles = ['r']\n[[role]]\nname = 'r'\n[[grant]]\nrole = 'r'\non = 'rw.*.*'\nprivileges = ['select', 'update']\ncolumns = ['id', 's']\n\
     [[mask]]\non = 'rw.main.t.s'\nwith = 'keep_first 2'\nto = ['r']\n[[deny]]\non = '*.*.u'\n",
    "opaque = ['rw.main.t']\n[[tag]]\nname = 'pii'\non = ['*.*.*.s']\n[[mask]]\ntag = 'pii'\nexpr = \"left(s, 1) || '*'\"\n\
     [[role]]\nname = 'r'\nadmin = true\n[[restrict]]\nid = 'x'\non = 'rw.main.t'\nrows = 'id < 5'\nexcept = ['r']\n",
    "mapping = ['rw.main.mine']\n[[role]]\nname = 'r'\n[[limit]]\nto = ['r']\nstatements = 4\nstatement_timeout = '5min'\nresult_bytes = '1GiB'\n\
     [[grant]]\nrole = 'r'\non = 'rw.main.t'\nprivileges = ['select']\nrows = 'id in (select id from rw.main.mine)'\n",
];

const WORDS: [&str; 24] = [
    "[[grant]]\n",
    "[[mask]]\n",
    "[[deny]]\n",
    "rows = ",
    "expr = ",
    "with = 'year'\n",
    "'r'",
    "'rw.main.t'",
    "*",
    "\"",
    "'",
    "\n",
    "true",
    "id",
    " and ",
    "attribute('a')",
    "current_user",
    "(",
    ")",
    "cast(s as integer)",
    "with = 'bucket 0'\n",
    "l",
    "st.b",
    "(select max(id) from rw.main.mine)",
];

#[test]
fn any_text_is_a_policy_or_an_error_of_configuration() {
    let thread = std::thread::Builder::new().stack_size(tree::STACK_BYTES);
    let drive = || {
        let seeds = POLICIES.map(|p| p.as_bytes().to_vec());
        let policies = Policies::new();
        let loaded = drive(INPUTS / 4, &seeds, &WORDS, |data| policies.load(data));
        println!("{loaded} loaded");
        assert!(loaded > 200, "{loaded} loaded");
    };
    #[allow(clippy::disallowed_methods, reason = "a test's own thread")]
    thread.spawn(drive).unwrap().join().unwrap();
}

/// The type of a message, its body, and what a parameter may be.
const PG: [&[u8]; 12] = [
    b"Qselect 1\0",
    b"Ps\0select $1\0\0\x01\0\0\0\x17",
    b"Bp\0s\0\0\x01\0\x01\0\x01\0\0\0\x04\0\0\0\x07\0\x01\0\x01",
    b"DSs\0",
    b"Ep\0\0\0\0\x05",
    b"CPp\0",
    b"S",
    b"pSCRAM-SHA-256\0\0\0\0\x04n,,n",
    b"\0\0\x03\0\0user\0eve\0database\0wh\0options\0-c a=b\0\0",
    b"t{1,NULL,\"a b\"}",
    b"n\0\x02\0\0\0\0\0\x02\0\x01\x13\x88",
    b"d2020-01-01 12:30:00.5+02 BC",
];

#[test]
fn any_message_of_a_postgres_client_is_read_or_refused() {
    let seeds = PG.map(<[u8]>::to_vec);
    let pieces = [
        "{",
        "}",
        ",",
        "infinity",
        "NaN",
        "1e400",
        "-",
        "\0\0\0\x17",
        "\0",
    ];
    drive(INPUTS, &seeds, &pieces, |data| {
        fuzzing::pg(data);
        true
    });
}

#[test]
fn any_message_of_a_flight_client_is_read_or_refused() {
    // An Any of each kind: its type's address, and a message of one field of bytes.
    let names = [
        "CommandStatementQuery",
        "TicketStatementQuery",
        "ActionClosePreparedStatementRequest",
        "CommandGetTables",
    ];
    let seeds = names.map(|name| {
        let url = format!("type.googleapis.com/arrow.flight.protocol.sql.{name}");
        let value = b"\x0a\x03abc";
        let mut bytes = vec![0x0a, u8::try_from(url.len()).unwrap()];
        bytes.extend(url.bytes());
        bytes.extend([0x12, u8::try_from(value.len()).unwrap()]);
        bytes.extend(value);
        bytes
    });
    let pieces = [
        "\x12\x05",
        "CommandGetDbSchemas",
        "\x1a\x00",
        "\u{ff}\u{ff}",
    ];
    drive(INPUTS, &seeds, &pieces, |data| {
        fuzzing::flight(data);
        true
    });
}
