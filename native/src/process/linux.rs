//! Linux: dumps and capabilities.
use std::io;

use caps::CapSet;

use super::no_core;
use crate::poll::check;

/// What's tried, in words for when it's refused.
pub fn steps() -> Vec<super::Step> {
    vec![
        ("can't keep other processes of this user from reading this one's memory", undumpable()),
        ("can't turn core dumps off", no_core()),
        ("can't keep capabilities from the programs that this one starts", keep_capabilities()),
    ]
}

/// A core dump that's handed to a program (core_pattern(5)) has no size limit, but an undumpable process has none either.
fn undumpable() -> io::Result<()> {
    // SAFETY: prctl with PR_SET_DUMPABLE reads nothing but its numbers.
    check(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) }).map(drop)
}

/// A program that an ordinary user starts gets the ambient ones, which can't be more than the inheritable ones.
fn keep_capabilities() -> io::Result<()> {
    caps::clear(None, CapSet::Inheritable).map_err(io::Error::other)
}
