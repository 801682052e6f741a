//! Strings that cross the boundary.

use std::ffi::{CStr, CString, c_char, c_void};

use libduckdb_sys as ffi;

use crate::{Error, ErrorType, Result};

/// A C string, or the error for a NUL inside: C would silently cut the text there.
pub(crate) fn to_c(text: &str) -> Result<CString> {
    CString::new(text)
        .map_err(|_| Error::new(ErrorType::InvalidInput, "text contains a NUL character"))
}

/// Copies a string that DuckDB keeps.
///
/// # Safety
/// `text` is null or a NUL-terminated string that lives during the call.
pub(crate) unsafe fn borrowed(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not null, and NUL-terminated by the caller's word.
    let text = unsafe { CStr::from_ptr(text) };
    Some(text.to_string_lossy().into_owned())
}

/// Copies a string that DuckDB gave to us, and frees it.
///
/// # Safety
/// `text` is null or a NUL-terminated string from DuckDB's allocator that nobody else frees.
pub(crate) unsafe fn owned(text: *mut c_char) -> Option<String> {
    // SAFETY: as above.
    let copy = unsafe { borrowed(text) };
    if !text.is_null() {
        // SAFETY: ours to free, by DuckDB's own allocator.
        unsafe { ffi::duckdb_free(text.cast::<c_void>()) };
    }
    copy
}
