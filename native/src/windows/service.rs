//! The process as a Windows service: the service control manager starts it, hears how it is, and tells it to stop.
use std::ffi::OsString;
use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use windows_service::define_windows_service;
use windows_service::service::{
    ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{self, ServiceControlHandlerResult, ServiceStatusHandle};
use windows_service::service_dispatcher;

/// Between two words of ours the manager waits that long before it thinks that the service hangs: loading Node's program,
/// restoring networks, or leaving them.
const PATIENCE: Duration = Duration::from_secs(60);
/// The manager's answer to a process that it has started comes at once; one that it hasn't is told after some seconds.
const ANSWER: Duration = Duration::from_secs(40);

/// Called on a thread of the system when the service is to stop.
pub type OnStop = Box<dyn FnMut() + Send>;

/// What the service tells the manager.
pub struct Service {
    name: String,
    status: ServiceStatusHandle,
    /// Dropped at the end, which lets the dispatcher's thread go.
    _running: Sender<()>,
}

/// What the system's call into `entered`, which has no argument of ours, finds; there's one service in a process.
struct Waiting {
    name: String,
    on_stop: OnStop,
    registered: Sender<io::Result<Service>>,
}

static WAITING: Mutex<Option<Waiting>> = Mutex::new(None);

define_windows_service!(service_main, entered);

/// Connects this process with the manager that has started it for the service `name`. An error if none has.
pub fn run_as(name: &str, on_stop: OnStop) -> io::Result<Service> {
    let (registered, answer) = mpsc::channel();
    let name = name.to_owned();
    *WAITING.lock().unwrap_or_else(PoisonError::into_inner) =
        Some(Waiting { name: name.clone(), on_stop, registered: registered.clone() });
    thread::Builder::new().name("p2p-service".into()).spawn(move || {
        // Returns when the service has ended.
        if let Err(error) = service_dispatcher::start(&name, service_main) {
            // Nobody listens any more if it's the end that failed.
            let _ = registered.send(Err(reason(error)));
        }
    })?;
    answer.recv_timeout(ANSWER).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// On a thread that the dispatcher made for the service. The process lives as long as Node does, whatever becomes of it.
fn entered(_arguments: Vec<OsString>) {
    let Some(waiting) = WAITING.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
    let Waiting { name, mut on_stop, registered } = waiting;
    let handler = move |control| match control {
        ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
        ServiceControl::Stop | ServiceControl::Preshutdown | ServiceControl::Shutdown => {
            on_stop();
            ServiceControlHandlerResult::NoError
        }
        _ => ServiceControlHandlerResult::NotImplemented,
    };
    let (running, ended) = mpsc::channel();
    let service = service_control_handler::register(&name, handler).map_err(reason).map(|status| Service {
        name,
        status,
        _running: running,
    });
    if let Ok(service) = &service {
        // The manager asks again, and sees it then.
        let _ = service.tell(ServiceState::StartPending, 0);
    }
    let _ = registered.send(service);
    wait(&ended);
}

/// Until the other end is dropped.
fn wait(ended: &Receiver<()>) {
    let _ = ended.recv();
}

impl Service {
    pub fn ready(&self) -> io::Result<()> {
        self.tell(ServiceState::Running, 0)
    }

    pub fn stopping(&self) -> io::Result<()> {
        self.tell(ServiceState::StopPending, 0)
    }

    /// The last word: `code` is what the manager shows, and other than 0 a failure.
    pub fn stopped(self, code: u32) -> io::Result<()> {
        self.tell(ServiceState::Stopped, code)
    }

    fn tell(&self, state: ServiceState, code: u32) -> io::Result<()> {
        let is_running = state == ServiceState::Running;
        let accepts = ServiceControlAccept::STOP | ServiceControlAccept::SHUTDOWN;
        let is_final = is_running || state == ServiceState::Stopped;
        let status = ServiceStatus {
            service_type: ServiceType::OWN_PROCESS,
            current_state: state,
            controls_accepted: if is_running { accepts } else { ServiceControlAccept::empty() },
            exit_code: if code == 0 { ServiceExitCode::NO_ERROR } else { ServiceExitCode::ServiceSpecific(code) },
            checkpoint: u32::from(!is_final),
            wait_hint: if is_final { Duration::ZERO } else { PATIENCE },
            process_id: None,
        };
        self.status.set_service_status(status).map_err(|error| {
            io::Error::other(format!("the service control manager doesn't hear of {}: {}", self.name, reason(error)))
        })
    }
}

/// The system's own words, where there are some.
fn reason(error: windows_service::Error) -> io::Error {
    match error {
        windows_service::Error::Winapi(error) => error,
        other => io::Error::other(other),
    }
}
