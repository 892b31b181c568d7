//! macOS and Windows, by the crate `polling`: kqueue, and AFD on Windows. A waker is no descriptor there; it's looked at by whoever
//! waits, after being told to.
use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use polling::{Event, Events, PollMode};

use super::{Interest, Ready, Source};
use crate::clock::{MILLISECOND, Nanos};

/// Events that are told of at once.
const AT_ONCE: usize = 64;
/// Numbers of a `Readiness` follow the places.
const FIRST_NUMBER: u64 = Ready::PLACES as u64;

/// Wakes a thread that waits in a `Poller` that watches it.
pub struct Waker(Arc<Wake>);

#[derive(Default)]
struct Wake {
    pending: AtomicBool,
    /// Who is told: the few pollers that watch it.
    watchers: Mutex<Vec<Weak<System>>>,
}

impl Waker {
    pub fn new() -> io::Result<Self> {
        Ok(Self(Arc::default()))
    }

    /// Wakes the thread, or makes its next wait return at once.
    pub fn wake(&self) {
        self.0.pending.store(true, Ordering::SeqCst);
        for watcher in lock(&self.0.watchers).iter().filter_map(Weak::upgrade) {
            // It fails only for a poller that's broken, which its own thread notices.
            let _ = watcher.poller.notify();
        }
    }

    /// Takes back all wakes so far.
    pub fn clear(&self) {
        self.0.pending.store(false, Ordering::SeqCst);
    }
}

struct System {
    poller: polling::Poller,
    /// Where the `Readiness` stands, if there is one.
    many_at: AtomicUsize,
    /// Those of its numbers that the last wait found ready.
    many: Mutex<Vec<u64>>,
}

/// Watches sockets until they're readable; level-triggered. They must stay open as long as it lives.
pub struct Poller {
    system: Arc<System>,
    wakers: Mutex<Vec<(usize, Arc<Wake>)>>,
    /// Of whoever waits.
    events: Mutex<Events>,
}

impl Poller {
    pub fn new() -> io::Result<Self> {
        let (many_at, many) = (AtomicUsize::new(0), Mutex::default());
        let system = Arc::new(System { poller: polling::Poller::new()?, many_at, many });
        let events = Mutex::new(Events::with_capacity(NonZeroUsize::MIN.saturating_add(AT_ONCE - 1)));
        Ok(Self { system, wakers: Mutex::default(), events })
    }

    /// Watches a socket as well, also while another thread waits. `place`: its bit in `Ready`, below `Ready::PLACES`.
    pub fn watch(&self, place: usize, source: Source) -> io::Result<()> {
        self.system.add(source, Event::readable(place))
    }

    /// Watches a waker as well, as `watch` does.
    pub fn watch_waker(&self, place: usize, waker: &Waker) -> io::Result<()> {
        let mut wakers = lock(&self.wakers);
        if wakers.iter().any(|(_, other)| Arc::ptr_eq(other, &waker.0)) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        wakers.push((place, Arc::clone(&waker.0)));
        let mut watchers = lock(&waker.0.watchers);
        watchers.retain(|watcher| watcher.strong_count() > 0);
        watchers.push(Arc::downgrade(&self.system));
        // Whoever waits already doesn't know of it.
        self.system.poller.notify()
    }

    pub fn forget_waker(&self, waker: &Waker) {
        lock(&self.wakers).retain(|(_, other)| !Arc::ptr_eq(other, &waker.0));
        lock(&waker.0.watchers).retain(|watcher| !std::ptr::eq(watcher.as_ptr(), Arc::as_ptr(&self.system)));
    }

    /// Watches a socket no longer.
    pub fn forget(&self, source: Source) {
        // It fails only for what isn't watched.
        let _ = self.system.poller.delete(source);
    }

    /// Waits until something is readable, a waker is woken, or `left` has passed; None waits for as long as it takes.
    pub fn wait(&self, left: Option<Nanos>) -> io::Result<Ready> {
        let mut events = lock(&self.events);
        let mut ready = self.woken();
        let timeout = if ready.is_none() { left.map(Duration::from_nanos) } else { Some(Duration::ZERO) };
        events.clear();
        match self.system.poller.wait(&mut events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let mut many = lock(&self.system.many);
        many.clear();
        for event in events.iter() {
            match (event.key as u64).checked_sub(FIRST_NUMBER) {
                None => ready = ready.with(event.key),
                Some(number) => {
                    many.push(number);
                    ready = ready.with(self.system.many_at.load(Ordering::Relaxed));
                }
            }
        }
        Ok(Ready(ready.0 | self.woken().0))
    }

    fn woken(&self) -> Ready {
        let wakers = lock(&self.wakers);
        let pending = wakers.iter().filter(|(_, wake)| wake.pending.load(Ordering::SeqCst));
        pending.fold(Ready::default(), |ready, &(place, _)| ready.with(place))
    }
}

impl System {
    fn add(&self, source: Source, event: Event) -> io::Result<()> {
        // SAFETY: a source outlives the poller or is forgotten before it's closed, as `Poller` asks for.
        unsafe { self.poller.add_with_mode(&source, event, PollMode::Level) }
    }
}

impl Ready {
    fn with(self, place: usize) -> Self {
        Self(self.0 | 1 << place)
    }

    fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// Waits for one socket at a time, or until it's woken.
pub struct Lookout<'a> {
    poller: Poller,
    waker: &'a Waker,
}

impl<'a> Lookout<'a> {
    const WAKER: usize = 0;
    const SOURCE: usize = 1;

    pub fn new(waker: &'a Waker) -> io::Result<Self> {
        let poller = Poller::new()?;
        poller.watch_waker(Self::WAKER, waker)?;
        Ok(Self { poller, waker })
    }

    /// Takes back all wakes so far.
    pub fn clear(&self) {
        self.waker.clear();
    }

    /// True if `source` can do what it's waited for or has failed; false if the waker is woken, or `left` has passed.
    pub fn wait(&self, source: Source, interest: Interest, left: Option<Nanos>) -> io::Result<bool> {
        let Interest { reading, writing } = interest;
        self.poller.system.add(source, Event::new(Self::SOURCE, reading, writing))?;
        let ready = self.poller.wait(left);
        self.poller.forget(source);
        ready.map(|ready| ready.has(Self::SOURCE))
    }
}

/// Waits until `source` takes bytes again, `ms` at most. False if it didn't.
pub fn wait_writable(source: Source, ms: i32) -> bool {
    let left = Nanos::from(ms.unsigned_abs()) * MILLISECOND;
    let wait = || Lookout::new(&Waker::new()?)?.wait(source, Interest::WRITING, Some(left));
    wait().unwrap_or(false)
}

/// Many sockets that stand at one place of a poller, which has one of these at most, for reading and writing.
pub struct Readiness(Arc<System>);

impl Readiness {
    pub fn new(poller: &Poller, place: usize) -> io::Result<Self> {
        poller.system.many_at.store(place, Ordering::Relaxed);
        Ok(Self(Arc::clone(&poller.system)))
    }

    pub fn watch(&self, source: Source, number: u64) -> io::Result<()> {
        self.0.add(source, Event::readable(key_of(number)?))
    }

    /// Whether it's told as well when a socket takes bytes.
    pub fn set_writing(&self, source: Source, number: u64, writing: bool) -> io::Result<()> {
        self.0.poller.modify_with_mode(source, Event::new(key_of(number)?, true, writing), PollMode::Level)
    }

    pub fn forget(&self, source: Source) {
        // It fails only for what isn't watched.
        let _ = self.0.poller.delete(source);
    }

    /// The numbers of those that the poller's last wait found ready.
    pub fn ready(&self) -> io::Result<Vec<u64>> {
        Ok(std::mem::take(&mut *lock(&self.0.many)))
    }
}

fn key_of(number: u64) -> io::Result<usize> {
    let key = number.checked_add(FIRST_NUMBER).and_then(|key| usize::try_from(key).ok());
    key.ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
