//! Values in PostgreSQL's binary forms.

use bytes::{Buf, BytesMut};
use model::{ParamValue, Result};

use super::number::read_numeric;
use super::{Context, invalid_binary, utf8};
use crate::types::datetime::{date_from_pg, put_offset, put_time, timestamp_from_pg};
use crate::types::oid;

impl Context<'_> {
    /// Reads the binary form of a type.
    pub(super) fn binary(&self, oid: u32, bytes: &[u8]) -> Result<ParamValue> {
        Ok(match oid {
            oid::BOOL => match exactly("boolean", bytes)? {
                [0] => ParamValue::Boolean(false),
                [_] => ParamValue::Boolean(true),
            },
            oid::INT2 => ParamValue::SmallInt(i16::from_be_bytes(exactly("smallint", bytes)?)),
            oid::INT4 => ParamValue::Integer(i32::from_be_bytes(exactly("integer", bytes)?)),
            oid::INT8 => ParamValue::BigInt(i64::from_be_bytes(exactly("bigint", bytes)?)),
            oid::OID => ParamValue::BigInt(u32::from_be_bytes(exactly("oid", bytes)?).into()),
            oid::FLOAT4 => ParamValue::Float(f32::from_be_bytes(exactly("real", bytes)?)),
            oid::FLOAT8 => {
                ParamValue::Double(f64::from_be_bytes(exactly("double precision", bytes)?))
            }
            oid::NUMERIC => read_numeric(bytes)?,
            oid::BYTEA => ParamValue::Blob(bytes.to_vec()),
            oid::UUID => ParamValue::Uuid(u128::from_be_bytes(exactly("uuid", bytes)?)),
            oid::DATE => {
                ParamValue::Date(date_from_pg(i32::from_be_bytes(exactly("date", bytes)?))?)
            }
            oid::TIME => ParamValue::Time(time_of_day(
                "time",
                i64::from_be_bytes(exactly("time", bytes)?),
            )?),
            oid::TIMETZ => {
                let mut bytes: &[u8] = &exactly::<12>("time with time zone", bytes)?;
                let mut text = BytesMut::new();
                put_time(
                    time_of_day("time with time zone", bytes.get_i64())?,
                    &mut text,
                );
                // PostgreSQL counts seconds west.
                let west = bytes.get_i32();
                put_offset(
                    west.checked_neg()
                        .ok_or_else(|| invalid_binary("time with time zone"))?,
                    &mut text,
                );
                ParamValue::Varchar(utf8(&text)?.to_owned())
            }
            oid::TIMESTAMP => ParamValue::Timestamp(timestamp_from_pg(i64::from_be_bytes(
                exactly("timestamp", bytes)?,
            ))?),
            oid::TIMESTAMPTZ => {
                let micros = i64::from_be_bytes(exactly("timestamp with time zone", bytes)?);
                ParamValue::TimestampTz(timestamp_from_pg(micros)?)
            }
            oid::INTERVAL => {
                let mut bytes: &[u8] = &exactly::<16>("interval", bytes)?;
                let micros = bytes.get_i64();
                let days = bytes.get_i32();
                let months = bytes.get_i32();
                ParamValue::Interval {
                    months,
                    days,
                    micros,
                }
            }
            oid::JSONB => match bytes.split_first() {
                Some((1, text)) => ParamValue::Varchar(utf8(text)?.to_owned()),
                _ => return Err(invalid_binary("jsonb")),
            },
            oid::BIT | oid::VARBIT => ParamValue::Varchar(read_bits(bytes)?),
            _ => match oid::element_of(oid) {
                Some(element) => self.read_array(element, bytes)?,
                None => ParamValue::Varchar(utf8(bytes)?.to_owned()),
            },
        })
    }
}

fn exactly<const N: usize>(name: &str, bytes: &[u8]) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| invalid_binary(name))
}

fn time_of_day(name: &str, micros: i64) -> Result<i64> {
    if (0..=86_400_000_000).contains(&micros) {
        Ok(micros)
    } else {
        Err(invalid_binary(name))
    }
}

/// Bits as text of 0 and 1.
fn read_bits(mut bytes: &[u8]) -> Result<String> {
    let invalid = || invalid_binary("bit varying");
    let count = bytes.try_get_u32().map_err(|_| invalid())? as usize;
    if bytes.len() != count.div_ceil(8) {
        return Err(invalid());
    }
    let bit = |i: usize| {
        if bytes[i / 8] >> (7 - i % 8) & 1 == 1 {
            '1'
        } else {
            '0'
        }
    };
    Ok((0..count).map(bit).collect())
}
