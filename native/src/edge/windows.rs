//! Access lists and the service manager of Windows, for JavaScript.
use std::io;
use std::sync::{Mutex, PoisonError};

use napi::Status;
use napi::bindgen_prelude::{Either, Error, Null, Result};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;

use crate::windows;
use crate::windows::service::{self, Service};

/// Called without arguments when the service is to stop. Weak: it doesn't keep the process alive.
type OnStop = ThreadsafeFunction<(), (), (), Status, false, true, 2>;

/// All throw with the system's reason.
#[napi(catch_unwind)]
pub fn access_of(path: String) -> Result<String> {
    windows::access_of(&path).map_err(failed)
}

#[napi(catch_unwind)]
pub fn set_access(path: String, sddl: String) -> Result<()> {
    windows::set_access(&path, &sddl).map_err(failed)
}

#[napi(catch_unwind)]
pub fn set_pipe_access(pipe: String, sddl: String) -> Result<()> {
    windows::set_pipe_access(&pipe, &sddl).map_err(failed)
}

#[napi(catch_unwind)]
pub fn sid_of(name: String) -> Result<Either<String, Null>> {
    let sid = windows::sid_of(&name).map_err(failed)?;
    Ok(sid.map_or(Either::B(Null), Either::A))
}

#[napi(catch_unwind)]
pub fn own_sid() -> Result<String> {
    windows::own_sid().map_err(failed)
}

#[napi(catch_unwind)]
pub fn run_as_service(name: String, on_stop: OnStop) -> Result<NativeService> {
    let on_stop = Box::new(move || {
        on_stop.call((), ThreadsafeFunctionCallMode::NonBlocking);
    });
    let service = service::run_as(&name, on_stop).map_err(failed)?;
    Ok(NativeService { service: Mutex::new(Some(service)) })
}

/// Empty once it has said its last word.
#[napi]
pub struct NativeService {
    service: Mutex<Option<Service>>,
}

#[napi]
impl NativeService {
    #[napi(catch_unwind)]
    pub fn ready(&self) -> Result<()> {
        self.tell(Service::ready)
    }

    #[napi(catch_unwind)]
    pub fn stopping(&self) -> Result<()> {
        self.tell(Service::stopping)
    }

    #[napi(catch_unwind)]
    pub fn stopped(&self, code: u32) -> Result<()> {
        let service = self.service.lock().unwrap_or_else(PoisonError::into_inner).take();
        service.map_or(Ok(()), |service| service.stopped(code)).map_err(failed)
    }

    fn tell(&self, what: impl FnOnce(&Service) -> io::Result<()>) -> Result<()> {
        let service = self.service.lock().unwrap_or_else(PoisonError::into_inner);
        service.as_ref().map_or(Ok(()), what).map_err(failed)
    }
}

fn failed(error: io::Error) -> Error {
    Error::from_reason(error.to_string())
}
