//! Why a device could not be opened.
use std::fmt::{self, Display, Formatter};
use std::io;

/// Stable codes; TypeScript knows them as `DeviceError['code']`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    NoPermission,
    NoTun,
    NameTaken,
    PortTaken,
    AddressRefused,
    Failed,
}

impl AsRef<str> for Code {
    fn as_ref(&self) -> &str {
        match self {
            Self::NoPermission => "no-permission",
            Self::NoTun => "no-tun",
            Self::NameTaken => "name-taken",
            Self::PortTaken => "port-taken",
            Self::AddressRefused => "address-refused",
            Self::Failed => "failed",
        }
    }
}

#[derive(Debug)]
pub struct OpenError {
    pub code: Code,
    pub message: String,
}

impl OpenError {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// `doing` names what was tried and with which value; a lack of rights is told apart whatever was tried.
    pub fn io(code: Code, doing: impl Display, error: &io::Error) -> Self {
        let code = if error.kind() == io::ErrorKind::PermissionDenied { Code::NoPermission } else { code };
        Self::new(code, format!("{doing}: {error}"))
    }
}

impl Display for OpenError {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code.as_ref(), self.message)
    }
}

impl std::error::Error for OpenError {}
