//! Who may do what with a folder, a file or a pipe, in the security descriptor definition language (SDDL, of Microsoft's
//! "Security Descriptor String Format"), in which JavaScript reads and writes it.
use std::io;
use std::mem::size_of;
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{CloseHandle, ERROR_SUCCESS, HANDLE, INVALID_HANDLE_VALUE};
use windows_sys::Win32::Security::Authorization::{
    ConvertSecurityDescriptorToStringSecurityDescriptorW, ConvertSidToStringSidW,
    ConvertStringSecurityDescriptorToSecurityDescriptorW, GetNamedSecurityInfoW, SDDL_REVISION_1, SE_FILE_OBJECT,
    SE_KERNEL_OBJECT, SetNamedSecurityInfoW, SetSecurityInfo,
};
use windows_sys::Win32::Security::{
    ACL, DACL_SECURITY_INFORMATION, GetSecurityDescriptorDacl, GetTokenInformation, LookupAccountNameW,
    OWNER_SECURITY_INFORMATION, PROTECTED_DACL_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID, TOKEN_QUERY,
    TOKEN_USER, TokenUser,
};
use windows_sys::Win32::Storage::FileSystem::{CreateFileW, OPEN_EXISTING, READ_CONTROL, WRITE_DAC};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

use super::names::{Local, wide};

/// Bytes: SECURITY_MAX_SID_SIZE.
const MAX_SID: usize = 68;
/// UTF-16 units of a domain's name.
const MAX_DOMAIN: usize = 256;

/// Owner and access list of a file or folder.
pub fn access_of(path: &str) -> io::Result<String> {
    let path = wide(path)?;
    let asked = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
    let mut descriptor: PSECURITY_DESCRIPTOR = null_mut();
    // SAFETY: `path` ends with a zero; only the descriptor is asked for, and it's freed below.
    check(unsafe {
        GetNamedSecurityInfoW(
            path.as_ptr(),
            SE_FILE_OBJECT,
            asked,
            null_mut(),
            null_mut(),
            null_mut(),
            null_mut(),
            &raw mut descriptor,
        )
    })?;
    let descriptor = Local(descriptor);
    let mut text = null_mut();
    // SAFETY: the descriptor is the system's own; what it writes to `text` is freed below.
    done(unsafe {
        ConvertSecurityDescriptorToStringSecurityDescriptorW(
            descriptor.0,
            SDDL_REVISION_1,
            asked,
            &raw mut text,
            null_mut(),
        )
    })?;
    Ok(Local(text).text())
}

/// Gives a file or folder this access list, and takes nothing over from the folder above. The owner stays.
pub fn set_access(path: &str, sddl: &str) -> io::Result<()> {
    let path = wide(path)?;
    let list = AccessList::parse(sddl)?;
    let what = DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION;
    // SAFETY: `path` ends with a zero and `list` holds the access list until the call is over.
    check(unsafe {
        SetNamedSecurityInfoW(path.as_ptr(), SE_FILE_OBJECT, what, null_mut(), null_mut(), list.list, null())
    })
}

/// Gives a pipe that this process listens on this access list. All instances of a pipe have one together.
pub fn set_pipe_access(pipe: &str, sddl: &str) -> io::Result<()> {
    let pipe = wide(pipe)?;
    let list = AccessList::parse(sddl)?;
    // SAFETY: `pipe` ends with a zero; there are no security attributes and no template.
    let handle = Handle(unsafe {
        CreateFileW(pipe.as_ptr(), READ_CONTROL | WRITE_DAC, 0, null(), OPEN_EXISTING, 0, null_mut())
    });
    if handle.0 == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    let what = DACL_SECURITY_INFORMATION;
    // SAFETY: the handle is open and has WRITE_DAC; `list` holds the access list until the call is over.
    check(unsafe { SetSecurityInfo(handle.0, SE_KERNEL_OBJECT, what, null_mut(), null_mut(), list.list, null()) })
}

/// The identifier of a user or group of this machine (`S-1-5-…`), or `None` if there's none with this name.
pub fn sid_of(name: &str) -> io::Result<Option<String>> {
    let name = wide(name)?;
    let mut sid = [0_u32; MAX_SID.div_ceil(size_of::<u32>())];
    let mut domain = [0_u16; MAX_DOMAIN];
    let (mut sid_size, mut domain_size) = (MAX_SID as u32, MAX_DOMAIN as u32);
    let mut kind = 0;
    // SAFETY: the buffers have the sizes that are told.
    let found = unsafe {
        LookupAccountNameW(
            null(),
            name.as_ptr(),
            sid.as_mut_ptr().cast(),
            &raw mut sid_size,
            domain.as_mut_ptr(),
            &raw mut domain_size,
            &raw mut kind,
        )
    };
    if found == 0 {
        return Ok(None);
    }
    // SAFETY: the call has written an identifier there.
    unsafe { sid_text(sid.as_mut_ptr().cast()) }.map(Some)
}

/// The identifier of the user that this process runs as.
pub fn own_sid() -> io::Result<String> {
    let mut token = Handle(null_mut());
    // SAFETY: the process's own pseudo handle needs no closing; the token is closed with `token`.
    done(unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token.0) })?;
    let mut user = [0_u64; (size_of::<TOKEN_USER>() + MAX_SID).div_ceil(size_of::<u64>())];
    let mut length = 0;
    let size = size_of_val(&user) as u32;
    // SAFETY: the buffer has the size that's told, and is aligned for a TOKEN_USER.
    done(unsafe { GetTokenInformation(token.0, TokenUser, user.as_mut_ptr().cast(), size, &raw mut length) })?;
    // SAFETY: the call has written a TOKEN_USER, whose identifier lies behind it in the same buffer.
    unsafe { sid_text((*user.as_ptr().cast::<TOKEN_USER>()).User.Sid) }
}

/// # Safety
/// `sid` points to a valid identifier.
unsafe fn sid_text(sid: PSID) -> io::Result<String> {
    let mut text = null_mut();
    // SAFETY: the caller's; what the system writes to `text` is freed below.
    done(unsafe { ConvertSidToStringSidW(sid, &raw mut text) })?;
    Ok(Local(text).text())
}

/// A security descriptor that was made from text, and the access list in it.
struct AccessList {
    list: *const ACL,
    _descriptor: Local<core::ffi::c_void>,
}

impl AccessList {
    /// An error for one without a list, which would let everybody do everything.
    fn parse(sddl: &str) -> io::Result<Self> {
        let text = wide(sddl)?;
        let mut descriptor: PSECURITY_DESCRIPTOR = null_mut();
        // SAFETY: `text` ends with a zero; the descriptor is freed with `Local`.
        done(unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                text.as_ptr(),
                SDDL_REVISION_1,
                &raw mut descriptor,
                null_mut(),
            )
        })?;
        let descriptor = Local(descriptor);
        let (mut present, mut list, mut defaulted) = (0, null_mut(), 0);
        // SAFETY: the descriptor is valid, and the list that's found lies in it.
        done(unsafe { GetSecurityDescriptorDacl(descriptor.0, &raw mut present, &raw mut list, &raw mut defaulted) })?;
        if present == 0 || list.is_null() {
            let expected = format!("expected an access list (D:…), got {sddl:?}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, expected));
        }
        Ok(Self { list, _descriptor: descriptor })
    }
}

struct Handle(HANDLE);

impl Drop for Handle {
    fn drop(&mut self) {
        if self.0 != INVALID_HANDLE_VALUE && !self.0.is_null() {
            // SAFETY: it's open and ours alone.
            unsafe { CloseHandle(self.0) };
        }
    }
}

/// Of calls that return an error's number.
fn check(error: u32) -> io::Result<()> {
    if error == ERROR_SUCCESS { Ok(()) } else { Err(io::Error::from_raw_os_error(error.cast_signed())) }
}

/// Of calls that return whether they did it.
fn done(result: i32) -> io::Result<()> {
    if result == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
