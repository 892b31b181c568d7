//! Text as Windows takes and gives it: UTF-16 with a zero at its end.
use std::io;

use windows_sys::Win32::Foundation::LocalFree;

/// `InvalidInput` if there's a zero in it, which would end it early.
pub(super) fn wide(text: &str) -> io::Result<Vec<u16>> {
    let units: Vec<u16> = text.encode_utf16().chain([0]).collect();
    match units.iter().position(|unit| *unit == 0) {
        Some(end) if end + 1 == units.len() => Ok(units),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, format!("expected text without a zero, got {text:?}"))),
    }
}

/// What the system has allocated for us with `LocalAlloc`.
pub(super) struct Local<T>(pub *mut T);

impl<T> Drop for Local<T> {
    fn drop(&mut self) {
        // SAFETY: the system gave us the pointer to free it this way; null is let through.
        unsafe { LocalFree(self.0.cast()) };
    }
}

impl Local<u16> {
    pub(super) fn text(&self) -> String {
        if self.0.is_null() {
            return String::new();
        }
        // SAFETY: it's text that the system has ended with a zero, and stays until `self` is dropped.
        let length = (0..).take_while(|at| unsafe { *self.0.add(*at) } != 0).count();
        // SAFETY: so many units were just read.
        String::from_utf16_lossy(unsafe { std::slice::from_raw_parts(self.0, length) })
    }
}
