//! Conversations as text, one step a line, so that the same ones can be had with PostgreSQL.
//!
//! Steps: `Q sql` (`q sql` where it is skipped), `P name|sql|oids`, `B portal|statement|values|result formats`, `DS name`,
//! `DP name`, `E portal|rows`, `CS name`, `CP name`, `S`, `H`, `F`. Values are text; `~` is NULL.
//! Answers are one line: `1` `2` `3` `n` `s` `I`, `t(oids)`, `T(name:oid:format …)`, `D(values)`,
//! `C(tag)`, `E(code)`, `N(code)`, `S(name=value)`, `Z(status)`.

use bytes::{Buf, Bytes, BytesMut};
use postgres_protocol::IsNull;
use postgres_protocol::message::frontend;

use super::raw::{Message, Raw};

/// Has the conversation and compares the answers up to the last ReadyForQuery that it asks for.
#[track_caller]
pub(crate) fn check<'a>(
    raw: &'a mut Raw,
    steps: &'a str,
    expected: &'a str,
) -> impl Future<Output = ()> + 'a {
    let caller = std::panic::Location::caller();
    async move {
        let got = run(raw, steps).await;
        let expected = expected.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(got, expected, "{caller}\n{steps}");
    }
}

/// Sends all steps at once and returns the answers.
pub(crate) async fn run(raw: &mut Raw, steps: &str) -> String {
    let mut out = BytesMut::new();
    let mut ready = 0;
    for step in steps.lines().map(str::trim).filter(|l| !l.is_empty()) {
        ready += put(step, &mut out);
    }
    raw.send(&out).await;
    let mut answers = Vec::new();
    while ready > 0 {
        let Some(message) = raw.next().await else {
            answers.push("end".to_owned());
            break;
        };
        ready -= usize::from(message.kind == b'Z');
        answers.push(show(&message));
    }
    answers.join(" ")
}

/// Writes a step; returns how many ReadyForQuery it asks for.
fn put(step: &str, out: &mut BytesMut) -> usize {
    let (verb, rest) = step.split_once(' ').unwrap_or((step, ""));
    let parts: Vec<&str> = rest.split('|').collect();
    let part = |i: usize| parts.get(i).copied().unwrap_or("");
    let numbers = |i: usize| {
        part(i)
            .split_ascii_whitespace()
            .map(|n| n.parse::<u32>().unwrap())
    };
    match verb {
        "Q" | "q" => frontend::query(rest, out).unwrap(),
        "P" => frontend::parse(part(0), part(1), numbers(2), out).unwrap(),
        "B" => {
            let values = part(2).split_ascii_whitespace();
            let formats = numbers(3).map(|n| n as i16);
            let put = |value: &str, out: &mut BytesMut| {
                if value == "~" {
                    return Ok(IsNull::Yes);
                }
                out.extend_from_slice(value.as_bytes());
                Ok(IsNull::No)
            };
            frontend::bind(part(0), part(1), [], values, put, formats, out)
                .map_err(|_| "bind")
                .unwrap();
        }
        "DS" => frontend::describe(b'S', rest, out).unwrap(),
        "DP" => frontend::describe(b'P', rest, out).unwrap(),
        "CS" => frontend::close(b'S', rest, out).unwrap(),
        "CP" => frontend::close(b'P', rest, out).unwrap(),
        "E" => frontend::execute(part(0), part(1).parse().unwrap_or(0), out).unwrap(),
        "S" => frontend::sync(out),
        "H" => frontend::flush(out),
        // A function call without arguments.
        "F" => out.extend_from_slice(b"F\0\0\0\x0e\0\0\0\x01\0\0\0\0\0\0"),
        other => panic!("no step {other}"),
    }
    usize::from(matches!(verb, "Q" | "S" | "F"))
}

/// A message as a word.
pub(crate) fn show(message: &Message) -> String {
    let mut body = message.body.clone();
    match message.kind {
        b't' => {
            let count = body.get_u16();
            let oids: Vec<String> = (0..count).map(|_| body.get_u32().to_string()).collect();
            format!("t({})", oids.join(","))
        }
        b'T' => {
            let count = body.get_u16();
            let fields: Vec<String> = (0..count)
                .map(|_| {
                    let name = text(&mut body);
                    body.advance(6);
                    let oid = body.get_u32();
                    body.advance(6);
                    format!("{name}:{oid}:{}", body.get_i16())
                })
                .collect();
            format!("T({})", fields.join(","))
        }
        b'D' => {
            let count = body.get_u16();
            let values: Vec<String> = (0..count)
                .map(|_| match body.get_i32() {
                    -1 => "~".to_owned(),
                    length => {
                        let value = body.split_to(length as usize);
                        let printable = value.iter().all(|b| (0x20..0x7f).contains(b));
                        match printable {
                            true => String::from_utf8(value.to_vec()).unwrap(),
                            false => value.iter().map(|b| format!("{b:02x}")).collect(),
                        }
                    }
                })
                .collect();
            format!("D({})", values.join("|"))
        }
        b'C' => format!("C({})", text(&mut body).replace(' ', "_")),
        b'E' => format!("E({})", message.field(b'C').unwrap()),
        b'N' => format!("N({})", message.field(b'C').unwrap()),
        b'S' => format!("S({}={})", text(&mut body), text(&mut body)),
        b'Z' => format!("Z({})", char::from(body[0])),
        other => char::from(other).to_string(),
    }
}

fn text(body: &mut Bytes) -> String {
    let end = body.iter().position(|b| *b == 0).unwrap();
    let text = body.split_to(end);
    body.advance(1);
    String::from_utf8(text.to_vec()).unwrap()
}
