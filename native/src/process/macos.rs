//! macOS: core dumps. Only root and who signed a debugger for it may read another's memory there, and this is root's; ptrace's
//! PT_DENY_ATTACH is left alone, as it keeps out nobody but the person who wants to see why we hang.
use super::no_core;

/// What's tried, in words for when it's refused.
pub fn steps() -> Vec<super::Step> {
    vec![("can't turn core dumps off", no_core())]
}
