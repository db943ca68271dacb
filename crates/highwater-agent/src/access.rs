//! Decides which clients get an answer.
//!
//! Without a token, only programs on the same machine reach the agent. A web page in a browser on that
//! machine counts as such a program, even if its author is hostile. So a request must name this machine as
//! its host: a hostile page whose domain name resolves to the loopback address names another host. And a
//! request that changes something must not come from a page at all.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use constant_time_eq::constant_time_eq;
use hyper::header::{AUTHORIZATION, HOST, HeaderMap, HeaderValue, ORIGIN};
use hyper::{Method, StatusCode};

use crate::error::Error;
use crate::reply::Refusal;

/// The user name before the token in `http://highwater:TOKEN@host/`. `go tool pprof` has no other way to send
/// a token.
const USER: &str = "highwater";

/// What a request needs to get an answer.
pub(crate) enum Access {
    /// Nothing: only the same machine can reach the address.
    Local,
    /// Nothing: every client gets an answer.
    Anyone,
    /// The token, in one of two forms.
    Token { bearer: String, basic: String },
}

impl Access {
    /// Minimum length of a token, in characters.
    pub(crate) const LEAST_TOKEN: usize = 16;

    /// # Errors
    /// When the token is short, or has characters that cannot be sent in a header.
    pub(crate) fn with_token(token: &str) -> Result<Self, Error> {
        if token.len() < Self::LEAST_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::Token { least: Self::LEAST_TOKEN });
        }
        let basic = STANDARD.encode(format!("{USER}:{token}"));
        Ok(Self::Token { bearer: token.to_owned(), basic })
    }

    /// # Errors
    /// When the client may not have an answer.
    pub(crate) fn check(&self, method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
        let is_allowed = match self {
            Self::Local if !headers.get(HOST).is_none_or(names_this_machine) => {
                return Err(Refusal::new(
                    StatusCode::FORBIDDEN,
                    "ask for 127.0.0.1 or localhost by that name, or set a token",
                ));
            }
            Self::Local | Self::Anyone => true,
            Self::Token { bearer, basic } => {
                headers.get(AUTHORIZATION).is_some_and(|value| is_token(value, bearer, basic))
            }
        };
        if !is_allowed {
            return Err(Refusal::new(
                StatusCode::UNAUTHORIZED,
                "a token is needed: `Authorization: Bearer TOKEN`, or http://highwater:TOKEN@…",
            ));
        }
        if *method == Method::POST && headers.contains_key(ORIGIN) {
            return Err(Refusal::new(StatusCode::FORBIDDEN, "pages in a browser may not change anything"));
        }
        Ok(())
    }
}

/// Compares a token in constant time, whether it is almost right or all wrong. The token's length is no
/// secret.
fn is_token(value: &HeaderValue, bearer: &str, basic: &str) -> bool {
    let Some((scheme, given)) = value.to_str().ok().and_then(|value| value.split_once(' ')) else {
        return false;
    };
    let expected = match scheme {
        _ if scheme.eq_ignore_ascii_case("bearer") => bearer,
        _ if scheme.eq_ignore_ascii_case("basic") => basic,
        _ => return false,
    };
    constant_time_eq(given.trim().as_bytes(), expected.as_bytes())
}

fn names_this_machine(host: &HeaderValue) -> bool {
    let Ok(host) = host.to_str() else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(is_loopback)
}

/// Whether only programs on this machine can reach the address.
pub(crate) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn check(access: &Access, method: Method, headers: &[(&'static str, &str)]) -> u16 {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        access.check(&method, &map).map_or_else(|refusal| refusal.status.as_u16(), |()| 200)
    }

    #[test]
    fn the_token_is_accepted_in_two_forms_only() {
        let access = Access::with_token(TOKEN).unwrap();
        let basic = format!("Basic {}", STANDARD.encode(format!("highwater:{TOKEN}")));
        for right in [&format!("Bearer {TOKEN}"), &format!("bearer {TOKEN}"), &basic] {
            assert_eq!(check(&access, Method::GET, &[("authorization", right)]), 200, "{right}");
        }
        let other_user = format!("Basic {}", STANDARD.encode(format!("root:{TOKEN}")));
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer 0123456789abcdeX",
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdef0",
            TOKEN,
            "Basic 0123456789abcdef",
            &other_user,
        ] {
            assert_eq!(check(&access, Method::GET, &[("authorization", wrong)]), 401, "{wrong}");
        }
        assert_eq!(check(&access, Method::GET, &[]), 401);
    }

    #[test]
    fn weak_tokens_are_refused() {
        for weak in ["", "short", "0123456789abcde", "0123456789 abcdef", "0123456789abcdef\n"] {
            assert!(matches!(Access::with_token(weak), Err(Error::Token { .. })), "{weak:?}");
        }
    }

    #[test]
    fn a_page_with_a_name_for_this_machine_is_refused() {
        for own in ["localhost", "LOCALHOST:6060", "127.0.0.1:6060", "127.9.9.9", "[::1]:6060", "[::1]"] {
            assert_eq!(check(&Access::Local, Method::GET, &[("host", own)]), 200, "{own}");
        }
        for other in ["evil.example:6060", "10.0.0.1", "[2001:db8::1]:6060", "localhost.evil.example", ""] {
            assert_eq!(check(&Access::Local, Method::GET, &[("host", other)]), 403, "{other}");
        }
        assert_eq!(check(&Access::Anyone, Method::GET, &[("host", "service.example")]), 200);
    }

    #[test]
    fn pages_change_nothing() {
        let page = [("host", "localhost"), ("origin", "http://localhost:8080")];
        assert_eq!(check(&Access::Local, Method::POST, &page), 403);
        assert_eq!(check(&Access::Anyone, Method::POST, &page), 403);
        assert_eq!(check(&Access::Local, Method::GET, &page), 200);
    }
}
