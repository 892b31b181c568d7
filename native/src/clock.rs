//! The one clock of the data plane.

/// Nanoseconds of `CLOCK_BOOTTIME`: monotonic, and goes on while the machine sleeps, so that a session
/// doesn't outlive its lifetime over a suspend.
pub type Nanos = u64;

pub const MILLISECOND: Nanos = 1_000_000;
pub const SECOND: Nanos = 1_000 * MILLISECOND;

/// As JavaScript sees it: milliseconds with a fraction.
pub fn as_ms(at: Nanos) -> f64 {
    at as f64 / MILLISECOND as f64
}

#[cfg(target_os = "linux")]
pub fn now() -> Nanos {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec to write to; the call keeps no pointer.
    unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &mut time) };
    (time.tv_sec as Nanos) * SECOND + time.tv_nsec as Nanos
}
