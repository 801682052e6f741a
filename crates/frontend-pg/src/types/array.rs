//! One-dimensional arrays: `{a,"b c",NULL}` and their binary form.

use bytes::{BufMut, BytesMut};
use model::{Error, Result};

use super::Style;
use super::values::{Kind, List};

impl List<'_> {
    pub(super) fn put_array_text(
        &self,
        row: usize,
        style: &Style,
        out: &mut BytesMut,
    ) -> Result<()> {
        out.put_u8(b'{');
        let range = self.range(row);
        let first = range.start;
        for i in range {
            if i > first {
                out.put_u8(b',');
            }
            if self.items.is_null(i) {
                out.put_slice(b"NULL");
                continue;
            }
            if let Kind::Text(text) | Kind::Json(text) = &self.items.kind {
                put_element(text.get(i), out);
                continue;
            }
            let start = out.len();
            self.items.put_text(i, style, out)?;
            quote_tail(start, out);
        }
        out.put_u8(b'}');
        Ok(())
    }

    pub(super) fn put_array_binary(
        &self,
        row: usize,
        element: u32,
        style: &Style,
        out: &mut BytesMut,
    ) -> Result<()> {
        let range = self.range(row);
        let has_null = range.clone().any(|i| self.items.is_null(i));
        out.put_i32(i32::from(!range.is_empty()));
        out.put_i32(i32::from(has_null));
        out.put_u32(element);
        if range.is_empty() {
            return Ok(());
        }
        out.put_i32(i32::try_from(range.len()).map_err(Error::internal)?);
        out.put_i32(1);
        for i in range {
            put_sized(out, self.items.is_null(i), |out| {
                self.items.put_binary(i, style, out)
            })?;
        }
        Ok(())
    }
}

/// Writes a value behind its length, or -1 for NULL.
pub(crate) fn put_sized(
    out: &mut BytesMut,
    null: bool,
    write: impl FnOnce(&mut BytesMut) -> Result<()>,
) -> Result<()> {
    if null {
        out.put_i32(-1);
        return Ok(());
    }
    let start = out.len();
    out.put_i32(0);
    write(out)?;
    let length = i32::try_from(out.len() - start - 4)
        .map_err(|_| Error::new(model::ErrorKind::TooComplex, "a value is larger than 2 GB"))?;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// Writes one element, quoted where the array's syntax needs it.
fn put_element(text: &str, out: &mut BytesMut) {
    let plain = !text.is_empty()
        && !text.eq_ignore_ascii_case("null")
        && !text
            .bytes()
            .any(|b| matches!(b, b'{' | b'}' | b',' | b'"' | b'\\') || is_space(b));
    if plain {
        out.put_slice(text.as_bytes());
        return;
    }
    out.put_u8(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.put_u8(b'\\');
        }
        out.put_u8(byte);
    }
    out.put_u8(b'"');
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Quotes what was written from `start` on if it needs it. For texts of types whose only special
/// characters are spaces and backslashes; those without any stay where they are.
fn quote_tail(start: usize, out: &mut BytesMut) {
    if !out[start..]
        .iter()
        .any(|b| matches!(b, b'{' | b'}' | b',' | b'"' | b'\\') || is_space(*b))
    {
        return;
    }
    let tail = out.split_off(start);
    out.reserve(tail.len() + 2);
    out.put_u8(b'"');
    for byte in &tail {
        if matches!(byte, b'"' | b'\\') {
            out.put_u8(b'\\');
        }
        out.put_u8(*byte);
    }
    out.put_u8(b'"');
}
