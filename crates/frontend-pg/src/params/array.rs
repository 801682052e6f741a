//! Arrays in text, and lists of values.

use std::sync::Arc;

use bytes::Buf;
use model::{Error, ParamValue, Result, SqlType};

use super::number::align;
use super::{Context, invalid_binary, invalid_text};
use crate::types::oid;

/// A list of elements of that type.
pub(super) fn list(element: &SqlType, mut items: Vec<ParamValue>) -> Result<ParamValue> {
    let element = align(&mut items)?.unwrap_or_else(|| match element {
        SqlType::Unknown => SqlType::Varchar,
        other => other.clone(),
    });
    Ok(ParamValue::List(element, items.into()))
}

/// Splits `{a,"b c",NULL}` into its elements. Arrays of arrays are refused.
pub(super) fn parse(text: &str) -> Result<Vec<Option<String>>> {
    let invalid = || invalid_text("array", text);
    let inner = text.trim_ascii().strip_prefix('{').ok_or_else(invalid)?;
    let mut letters = inner.chars().peekable();
    let mut items = Vec::new();
    let skip_blanks = |letters: &mut std::iter::Peekable<std::str::Chars<'_>>| {
        while letters.next_if(char::is_ascii_whitespace).is_some() {}
    };
    skip_blanks(&mut letters);
    if letters.next_if_eq(&'}').is_some() {
        return if letters.next().is_none() {
            Ok(items)
        } else {
            Err(invalid())
        };
    }
    loop {
        skip_blanks(&mut letters);
        let mut item = String::new();
        let quoted = letters.next_if_eq(&'"').is_some();
        if quoted {
            loop {
                match letters.next().ok_or_else(invalid)? {
                    '"' => break,
                    '\\' => item.push(letters.next().ok_or_else(invalid)?),
                    letter => item.push(letter),
                }
            }
            skip_blanks(&mut letters);
        } else {
            while let Some(letter) = letters.next_if(|c| !matches!(c, ',' | '}')) {
                match letter {
                    '{' => {
                        return Err(Error::not_supported(
                            "an array parameter of several dimensions",
                        ));
                    }
                    '"' => return Err(invalid()),
                    '\\' => item.push(letters.next().ok_or_else(invalid)?),
                    letter => item.push(letter),
                }
            }
            item.truncate(item.trim_ascii_end().len());
            if item.is_empty() {
                return Err(invalid());
            }
        }
        let null = !quoted && item.eq_ignore_ascii_case("null");
        items.push((!null).then_some(item));
        match letters.next() {
            Some(',') => {}
            Some('}') if letters.next().is_none() => return Ok(items),
            _ => return Err(invalid()),
        }
    }
}

impl Context<'_> {
    /// Reads an array's binary form.
    pub(super) fn read_array(&self, element: u32, mut bytes: &[u8]) -> Result<ParamValue> {
        let invalid = || invalid_binary("array");
        let dimensions = bytes.try_get_u32().map_err(|_| invalid())?;
        let _has_null = bytes.try_get_u32().map_err(|_| invalid())?;
        let told = bytes.try_get_u32().map_err(|_| invalid())?;
        if told != element && !(oid::is_text(told) && oid::is_text(element)) {
            return Err(invalid());
        }
        let count = match dimensions {
            0 => 0,
            1 => {
                let count = bytes.try_get_u32().map_err(|_| invalid())?;
                let _first = bytes.try_get_u32().map_err(|_| invalid())?;
                count
            }
            _ => {
                return Err(Error::not_supported(
                    "an array parameter of several dimensions",
                ));
            }
        };
        let mut items = Vec::new();
        for _ in 0..count {
            let length = bytes.try_get_u32().map_err(|_| invalid())?;
            if length == u32::MAX {
                items.push(ParamValue::Null);
                continue;
            }
            let (item, rest) = bytes
                .split_at_checked(length as usize)
                .ok_or_else(invalid)?;
            bytes = rest;
            items.push(self.binary(element, item)?);
        }
        if !bytes.is_empty() {
            return Err(invalid());
        }
        let element = items.iter().find(|i| **i != ParamValue::Null);
        let element = element.map_or_else(|| SqlType::Unknown, ParamValue::sql_type);
        Ok(ParamValue::List(element, Arc::from(items)))
    }
}
