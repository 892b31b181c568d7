//! Windows: the IP helper calls back, on threads of its own, when an interface, an address or a route changes. What changed is looked up by
//! whoever is told.
use std::ffi::c_void;
use std::io;
use std::ptr;

use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::NetworkManagement::IpHelper::{
    CancelMibChangeNotify2, MIB_IPFORWARD_ROW2, MIB_IPINTERFACE_ROW, MIB_NOTIFICATION_TYPE, MIB_UNICASTIPADDRESS_ROW,
    NotifyIpInterfaceChange, NotifyRouteChange2, NotifyUnicastIpAddressChange,
};
use windows_sys::Win32::Networking::WinSock::AF_UNSPEC;

use crate::poll::{Poller, Waker};

pub struct Changes {
    // Before the waker, which their callbacks use.
    notifications: Vec<Notification>,
    waker: Box<Waker>,
}

/// Cancelled when it's dropped, after which nothing is called back.
struct Notification(HANDLE);

// SAFETY: a handle is a number for the system, which any thread may cancel.
unsafe impl Send for Notification {}

impl Changes {
    pub fn open() -> io::Result<Self> {
        let mut changes = Self { notifications: Vec::new(), waker: Box::new(Waker::new()?) };
        let waker = (&raw const *changes.waker).cast::<c_void>();
        // SAFETY: each callback gets `waker`, which stays where it is until `Notification`s are dropped, after which none is called.
        changes
            .begin(|handle| unsafe { NotifyIpInterfaceChange(AF_UNSPEC, Some(on_interface), waker, false, handle) })?;
        // SAFETY: as above.
        changes.begin(|handle| unsafe {
            NotifyUnicastIpAddressChange(AF_UNSPEC, Some(on_address), waker, false, handle)
        })?;
        // SAFETY: as above.
        changes.begin(|handle| unsafe { NotifyRouteChange2(AF_UNSPEC, Some(on_route), waker, false, handle) })?;
        Ok(changes)
    }

    fn begin(&mut self, notify: impl FnOnce(*mut HANDLE) -> u32) -> io::Result<()> {
        let mut handle: HANDLE = ptr::null_mut();
        match notify(&mut handle) {
            0 => {
                self.notifications.push(Notification(handle));
                Ok(())
            }
            error => Err(io::Error::from_raw_os_error(error.cast_signed())),
        }
    }

    pub fn watch(&self, poller: &Poller, place: usize) -> io::Result<()> {
        poller.watch_waker(place, &self.waker)
    }

    /// Takes back what was told; only what matters is.
    pub fn drain(&self) -> bool {
        self.waker.clear();
        true
    }
}

impl Drop for Notification {
    fn drop(&mut self) {
        // SAFETY: the handle came from one of the notify calls and is cancelled once. The call waits for callbacks that run.
        unsafe { CancelMibChangeNotify2(self.0) };
    }
}

/// # Safety
/// `waker` must be the one that `Changes::open` handed out.
unsafe fn wake(waker: *const c_void) {
    // SAFETY: as above; it lives as long as callbacks come.
    if let Some(waker) = unsafe { waker.cast::<Waker>().as_ref() } {
        waker.wake();
    }
}

unsafe extern "system" fn on_interface(
    waker: *const c_void,
    _row: *const MIB_IPINTERFACE_ROW,
    _kind: MIB_NOTIFICATION_TYPE,
) {
    // SAFETY: the system hands back what it was given.
    unsafe { wake(waker) };
}

unsafe extern "system" fn on_address(
    waker: *const c_void,
    _row: *const MIB_UNICASTIPADDRESS_ROW,
    _kind: MIB_NOTIFICATION_TYPE,
) {
    // SAFETY: the system hands back what it was given.
    unsafe { wake(waker) };
}

/// Only a default route says that the way out is another.
unsafe extern "system" fn on_route(waker: *const c_void, row: *const MIB_IPFORWARD_ROW2, _kind: MIB_NOTIFICATION_TYPE) {
    // SAFETY: the row is null or lives through the call.
    if unsafe { row.as_ref() }.is_none_or(|row| row.DestinationPrefix.PrefixLength == 0) {
        // SAFETY: the system hands back what it was given.
        unsafe { wake(waker) };
    }
}
