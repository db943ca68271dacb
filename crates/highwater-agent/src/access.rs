//! Who may ask.
//!
//! Without a token only programs of the same machine reach the agent. A page in a browser on that machine is such a
//! program too, whoever wrote it: so a request must name the machine as itself (a page that had its name point to the
//! loopback address names another), and what changes something must not come from a page at all.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use constant_time_eq::constant_time_eq;
use hyper::header::{AUTHORIZATION, HOST, HeaderMap, HeaderValue, ORIGIN};
use hyper::{Method, StatusCode};

use crate::Error;
use crate::reply::Refusal;

/// The name that goes before the token in `http://highwater:TOKEN@host/`, the only way in which `go tool pprof` can be
/// told one.
const USER: &str = "highwater";

/// What a request has to bring.
pub(crate) enum Access {
    /// Nothing: the address can be reached from the same machine only.
    Local,
    /// Nothing, and from anywhere.
    Anyone,
    /// The token, in one of the two ways.
    Token { bearer: String, basic: String },
}

impl Access {
    /// How short a token may be, in characters.
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
    /// When the request is not to be answered.
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

/// Takes as long for a token that is nearly right as for one that is all wrong. Its length is no secret.
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

/// Whether only programs of this machine reach the address.
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
    fn the_token_is_taken_in_both_forms_and_no_other() {
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
    fn a_page_whose_name_points_here_is_kept_out() {
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
