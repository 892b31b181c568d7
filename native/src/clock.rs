//! The one clock of the data plane.

/// Nanoseconds of a clock that's monotonic and goes on while the machine sleeps, so that a session doesn't outlive its lifetime
/// over a suspend: Linux's `CLOCK_BOOTTIME`, macOS's `CLOCK_MONOTONIC`, Windows's performance counter.
pub type Nanos = u64;

pub const MILLISECOND: Nanos = 1_000_000;
pub const SECOND: Nanos = 1_000 * MILLISECOND;

/// As JavaScript sees it: milliseconds with a fraction.
pub fn as_ms(at: Nanos) -> f64 {
    at as f64 / MILLISECOND as f64
}

#[cfg(unix)]
pub fn now() -> Nanos {
    #[cfg(target_os = "linux")]
    const CLOCK: libc::clockid_t = libc::CLOCK_BOOTTIME;
    #[cfg(not(target_os = "linux"))]
    const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec to write to; the call keeps no pointer.
    unsafe { libc::clock_gettime(CLOCK, &mut time) };
    (time.tv_sec as Nanos) * SECOND + time.tv_nsec as Nanos
}

/// std's clock is the performance counter there, which counts what a machine sleeps as well (QueryPerformanceCounter). It's told from
/// an hour before this was first asked, as where a time begins is nobody's concern, but that much before it may have to be thinkable.
#[cfg(windows)]
pub fn now() -> Nanos {
    use std::sync::LazyLock;
    use std::time::Instant;

    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    3_600 * SECOND + Nanos::try_from(BEGAN.elapsed().as_nanos()).unwrap_or(Nanos::MAX)
}
