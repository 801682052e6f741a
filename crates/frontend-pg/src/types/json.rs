//! Nested values as json text: lists, structs, maps and unions, in DuckDB's own shapes.

use bytes::{BufMut, BytesMut};
use model::Result;

use super::values::Kind;
use super::{Style, Values};

impl Values<'_> {
    /// Writes a value that may be NULL as json.
    fn put_json_or_null(&self, row: usize, style: &Style, out: &mut BytesMut) -> Result<()> {
        if self.is_null(row) {
            out.put_slice(b"null");
            return Ok(());
        }
        self.put_json(row, style, out)
    }

    /// Writes the json of a row that is not NULL: numbers and booleans as such, documents as they
    /// are, everything else as the string of its text.
    pub(super) fn put_json(&self, row: usize, style: &Style, out: &mut BytesMut) -> Result<()> {
        match &self.kind {
            Kind::Null => out.put_slice(b"null"),
            Kind::Bool(a) => out.put_slice(if a.value(row) { b"true" } else { b"false" }),
            Kind::Int8(_)
            | Kind::Int16(_)
            | Kind::Int32(_)
            | Kind::Int64(_)
            | Kind::UInt8(_)
            | Kind::UInt16(_)
            | Kind::UInt32(_)
            | Kind::UInt64(_)
            | Kind::Decimal { .. }
            | Kind::UHugeInt(_)
            | Kind::HugeIntBytes { .. }
            | Kind::Bignum(_)
            | Kind::Json(_) => self.put_text(row, style, out)?,
            Kind::Float(a) if a[row].is_finite() => self.put_text(row, style, out)?,
            Kind::Double(a) if a[row].is_finite() => self.put_text(row, style, out)?,
            Kind::Text(a) => put_string(a.get(row), out),
            // Their texts hold no character that json escapes, but for bytea.
            Kind::Float(_)
            | Kind::Double(_)
            | Kind::Uuid(_)
            | Kind::UuidText(_)
            | Kind::Bit(_)
            | Kind::Date(_)
            | Kind::Time(_)
            | Kind::TimeNs(_)
            | Kind::TimeTz(_)
            | Kind::Timestamp { .. }
            | Kind::TimestampTz(_)
            | Kind::Interval(_) => {
                out.put_u8(b'"');
                self.put_text(row, style, out)?;
                out.put_u8(b'"');
            }
            Kind::Bytea(_) => {
                let mut text = BytesMut::new();
                self.put_text(row, style, &mut text)?;
                put_string(&String::from_utf8_lossy(&text), out);
            }
            Kind::List(list) => {
                out.put_u8(b'[');
                let range = list.range(row);
                let first = range.start;
                for i in range {
                    put_comma(i > first, out);
                    list.items.put_json_or_null(i, style, out)?;
                }
                out.put_u8(b']');
            }
            Kind::Struct(fields) => {
                out.put_u8(b'{');
                for (i, (name, values)) in fields.iter().enumerate() {
                    put_comma(i > 0, out);
                    put_string(name, out);
                    out.put_u8(b':');
                    values.put_json_or_null(row, style, out)?;
                }
                out.put_u8(b'}');
            }
            Kind::Map { entries, values } => {
                out.put_u8(b'{');
                let range = entries.range(row);
                let first = range.start;
                let mut key = BytesMut::new();
                for i in range {
                    put_comma(i > first, out);
                    key.clear();
                    entries.items.put_text(i, style, &mut key)?;
                    put_string(&String::from_utf8_lossy(&key), out);
                    out.put_u8(b':');
                    values.put_json_or_null(i, style, out)?;
                }
                out.put_u8(b'}');
            }
            Kind::Union { array, members } => {
                let id = array.type_id(row);
                let Some((_, name, values)) = members.iter().find(|(member, ..)| *member == id)
                else {
                    out.put_slice(b"null");
                    return Ok(());
                };
                out.put_u8(b'{');
                put_string(name, out);
                out.put_u8(b':');
                values.put_json_or_null(array.value_offset(row), style, out)?;
                out.put_u8(b'}');
            }
        }
        Ok(())
    }
}

fn put_comma(wanted: bool, out: &mut BytesMut) {
    if wanted {
        out.put_u8(b',');
    }
}

/// Writes a json string.
fn put_string(text: &str, out: &mut BytesMut) {
    out.put_u8(b'"');
    let mut plain = 0;
    for (i, byte) in text.bytes().enumerate() {
        let escape: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0..0x20 => b"",
            _ => continue,
        };
        out.put_slice(&text.as_bytes()[plain..i]);
        if escape.is_empty() {
            out.put_slice(b"\\u00");
            out.put_u8(b'0' + (byte >> 4));
            out.put_u8(b"0123456789abcdef"[usize::from(byte & 15)]);
        } else {
            out.put_slice(escape);
        }
        plain = i + 1;
    }
    out.put_slice(&text.as_bytes()[plain..]);
    out.put_u8(b'"');
}
