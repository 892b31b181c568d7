//! HTTP CONNECT (RFC 9110 section 9.3.6): what a proxy is asked, and what it answers.
use std::net::SocketAddr;

use zeroize::Zeroizing;

/// Bytes of an answer's header that are read at most.
pub const MAX_ANSWER: usize = 8 * 1_024;
/// Bytes of a `Proxy-Authorization`.
const MAX_AUTHORIZATION: usize = 1_024;

#[derive(Clone)]
pub struct Proxy {
    pub address: SocketAddr,
    /// The value of `Proxy-Authorization`. A secret.
    authorization: Option<Zeroizing<String>>,
}

impl Proxy {
    /// None if the authorization couldn't be a header's value.
    pub fn new(address: SocketAddr, authorization: Option<Zeroizing<String>>) -> Option<Self> {
        let is_value = |text: &Zeroizing<String>| {
            (1..=MAX_AUTHORIZATION).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        };
        authorization.as_ref().is_none_or(is_value).then_some(Self { address, authorization })
    }

    /// What asks for a connection to `to`. Holds the secret.
    pub fn request(&self, to: SocketAddr) -> Zeroizing<Vec<u8>> {
        let authorization = self.authorization.as_ref().map_or("", |value| value.as_str());
        let header =
            if authorization.is_empty() { ["", "", ""] } else { ["Proxy-Authorization: ", authorization, "\r\n"] };
        let start = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n");
        let parts = [&[start.as_str()][..], &header, &["\r\n"]].concat();
        // Of its final size at once: a buffer that grows leaves copies behind.
        let mut request = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
        parts.iter().for_each(|part| request.extend_from_slice(part.as_bytes()));
        request
    }
}

/// What a proxy has answered so far.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// More is to come.
    Unfinished,
    /// The connection stands.
    Connected,
    /// In a person's words.
    Refused(String),
}

pub fn parse_answer(bytes: &[u8]) -> Answer {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return match bytes.len() < MAX_ANSWER {
            true => Answer::Unfinished,
            false => Answer::Refused(format!("the proxy's answer has no end within {MAX_ANSWER} bytes")),
        };
    };
    let Some((status, reason)) = status_of(&bytes[..end]) else {
        return Answer::Refused("the proxy doesn't answer in HTTP".into());
    };
    match status {
        200..=299 if bytes.len() == end + 4 => Answer::Connected,
        200..=299 => Answer::Refused("the proxy sent more than its answer".into()),
        407 => Answer::Refused(format!("the proxy wants a user name and password (407 {reason})")),
        _ => Answer::Refused(format!("the proxy refuses: {status} {reason}")),
    }
}

/// Status and reason of the first line; of the reason, what can be printed.
fn status_of(header: &[u8]) -> Option<(u16, String)> {
    let line = header.split(|&byte| byte == b'\r').next()?;
    let rest = line.strip_prefix(b"HTTP/1.0 ").or_else(|| line.strip_prefix(b"HTTP/1.1 "))?;
    let (digits, reason) = rest.split_at_checked(3)?;
    if !digits.iter().all(u8::is_ascii_digit) || reason.first().is_some_and(|&byte| byte != b' ') {
        return None;
    }
    let status = digits.iter().fold(0, |status, &digit| status * 10 + u16::from(digit - b'0'));
    let printable = reason.iter().skip(1).take(80).filter(|byte| (b' '..=b'~').contains(byte));
    Some((status, printable.map(|&byte| char::from(byte)).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_request_names_the_relay_and_who_asks() {
        let proxy = Proxy::new(address("192.0.2.1:3128"), Some(Zeroizing::new("Basic eDp5".into()))).expect("a value");
        let request = String::from_utf8(proxy.request(address("[2001:db8::9]:443")).to_vec()).expect("text");
        assert_eq!(
            request,
            "CONNECT [2001:db8::9]:443 HTTP/1.1\r\nHost: [2001:db8::9]:443\r\nProxy-Authorization: Basic eDp5\r\n\r\n"
        );
    }

    #[test]
    fn nothing_can_be_put_into_the_request() {
        for value in ["", "Basic x\r\nX: y", "Basic \u{e9}", &"x".repeat(MAX_AUTHORIZATION + 1)] {
            assert!(Proxy::new(address("192.0.2.1:3128"), Some(Zeroizing::new(value.into()))).is_none(), "{value:?}");
        }
    }

    #[test]
    fn answers_are_told_apart() {
        let refused = |text: &str| Answer::Refused(text.into());
        assert_eq!(parse_answer(b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n"), Answer::Connected);
        assert_eq!(parse_answer(b"HTTP/1.0 200\r\n\r\n"), Answer::Connected);
        assert_eq!(parse_answer(b"HTTP/1.1 200 OK\r\nX: y\r\n"), Answer::Unfinished);
        assert_eq!(parse_answer(b"HTTP/1.1 403 No\x1b[1m!\r\n\r\n"), refused("the proxy refuses: 403 No[1m!"));
        assert_eq!(
            parse_answer(b"HTTP/1.1 407 Auth\r\n\r\n"),
            refused("the proxy wants a user name and password (407 Auth)")
        );
        assert_eq!(parse_answer(b"HTTP/1.1 200 OK\r\n\r\nx"), refused("the proxy sent more than its answer"));
        assert_eq!(parse_answer(b"SSH-2.0-x\r\n\r\n"), refused("the proxy doesn't answer in HTTP"));
        assert_eq!(parse_answer(b"HTTP/1.1 2000 OK\r\n\r\n"), refused("the proxy doesn't answer in HTTP"));
        assert!(matches!(parse_answer(&[b'x'; MAX_ANSWER]), Answer::Refused(_)));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(line in "(HTTP/1\\.[01] )?[0-9 ]{0,5}.{0,20}", end: bool, rest in proptest::collection::vec(any::<u8>(), 0..40)) {
            let bytes = [line.as_bytes(), if end { b"\r\n\r\n" } else { b"" }, &rest].concat();
            let _ = parse_answer(&bytes);
        }
    }
}
