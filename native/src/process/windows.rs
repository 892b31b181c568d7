//! Windows: what's kept of this process when it crashes. Who may read its memory is the service's account's and administrators' to
//! begin with; dumps that an administrator has switched on for all programs (LocalDumps) can't be refused from in here.
use std::io;

use windows_sys::Win32::System::Diagnostics::Debug::{SEM_FAILCRITICALERRORS, SEM_NOGPFAULTERRORBOX, SetErrorMode};
use windows_sys::Win32::System::ErrorReporting::{WER_FAULT_REPORTING_FLAG_NOHEAP, WerSetFlags};

/// What's tried, in words for when it's refused.
pub fn steps() -> Vec<super::Step> {
    // SAFETY: takes a number. No window asks what's to become of a crash: nobody would see it.
    unsafe { SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX) };
    vec![("can't keep memory out of error reports", no_heap())]
}

/// Reports to Microsoft leave out the heap, where keys are.
fn no_heap() -> io::Result<()> {
    // SAFETY: takes a number.
    match unsafe { WerSetFlags(WER_FAULT_REPORTING_FLAG_NOHEAP) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}
