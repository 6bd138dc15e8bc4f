//! Where a request comes from.
//!
//! Behind a reverse proxy every connection comes from the proxy, which names its client at the end
//! of `X-Forwarded-For`. What stands before that was sent by the client, and can say anything. So
//! the header is read from its end, and only as far as the addresses are of proxies that the
//! operator trusts: the first other address is the client. Where nobody is trusted the header is
//! not looked at.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName};

use crate::config::TrustedProxies;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The other end of the request's connection. Set by the server for each connection.
#[derive(Debug, Clone, Copy)]
pub struct PeerAddress(pub IpAddr);

/// The address of the client, as far as trusted proxies vouch for it.
pub fn client_address(request: &Request, trusted: &TrustedProxies) -> IpAddr {
    let peer = request.extensions().get::<PeerAddress>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0);
    nearest_untrusted(peer, request.headers(), trusted)
}

/// An entry that cannot be read hides all that stands before it: its client then counts as the
/// proxy that passed it on. So does a chain of nothing but proxies, as its first.
fn nearest_untrusted(peer: IpAddr, headers: &HeaderMap, trusted: &TrustedProxies) -> IpAddr {
    let mut nearest = peer.to_canonical();
    let mut forwarded = forwarded_from_the_end(headers);
    while trusted.contains(nearest) {
        match forwarded.next() {
            Some(Some(before)) => nearest = before,
            Some(None) | None => break,
        }
    }
    nearest
}

/// The entries of all lines of the header, the last first; `None` for one that is no address.
fn forwarded_from_the_end(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
    lines
        .flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|entry| !entry.is_empty())
        .map(read_address)
}

/// Some proxies add the port, and brackets around IPv6.
fn read_address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?;
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address = match bare {
        Some(bare) => IpAddr::V6(bare.parse().ok()?),
        None => text
            .parse()
            .or_else(|_| text.parse().map(|with_port: SocketAddr| with_port.ip()))
            .ok()?,
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const PROXIES: &str = "10.0.0.0/8,2001:db8:ffff::/48";

    /// The client of a request that came from `peer` with these lines of the header.
    fn client(peer: &str, lines: &[&[u8]]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(line).unwrap());
        }
        let peer = peer.parse().unwrap();
        nearest_untrusted(peer, &headers, &PROXIES.parse().unwrap()).to_string()
    }

    #[test]
    fn a_peer_that_is_no_proxy_is_the_client_whatever_it_says() {
        let spoofed: &[&[u8]] = &[b"198.51.100.7", b"10.0.0.1"];
        assert_eq!(client("192.0.2.1", spoofed), "192.0.2.1");
        assert_eq!(client("2001:db8::1", spoofed), "2001:db8::1");
        assert_eq!(client("192.0.2.1", &[]), "192.0.2.1");
    }

    #[test]
    fn what_the_client_wrote_before_its_proxy_counts_for_nothing() {
        for line in [
            "198.51.100.7",
            "203.0.113.66, 198.51.100.7",
            "10.0.0.9, 203.0.113.66, 198.51.100.7",
            "unknown, '; drop table, 198.51.100.7",
        ] {
            assert_eq!(
                client("10.0.0.1", &[line.as_bytes()]),
                "198.51.100.7",
                "{line}"
            );
        }
    }

    #[test]
    fn trusted_proxies_behind_each_other_are_passed_over() {
        assert_eq!(
            client(
                "10.0.0.1",
                &[b"203.0.113.66, 198.51.100.7, 10.0.0.2,10.0.0.3"]
            ),
            "198.51.100.7"
        );
        assert_eq!(
            client(
                "2001:db8:ffff::1",
                &[b"2001:db8:1::7, 2001:db8:ffff:1::2, 10.9.9.9"]
            ),
            "2001:db8:1::7"
        );
    }

    #[test]
    fn lines_of_the_header_follow_each_other() {
        let lines: &[&[u8]] = &[b"203.0.113.66", b"198.51.100.7", b"10.0.0.2"];
        assert_eq!(client("10.0.0.1", lines), "198.51.100.7");
        let lines: &[&[u8]] = &[b"198.51.100.7,", b"", b" , 10.0.0.2"];
        assert_eq!(client("10.0.0.1", lines), "198.51.100.7");
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_read() {
        for (entry, address) in [
            ("198.51.100.7:51234", "198.51.100.7"),
            ("[2001:db8:1::7]:443", "2001:db8:1::7"),
            ("[2001:db8:1::7]", "2001:db8:1::7"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
            ("[::ffff:198.51.100.7]:80", "198.51.100.7"),
        ] {
            assert_eq!(client("10.0.0.1", &[entry.as_bytes()]), address, "{entry}");
        }
        assert_eq!(
            client("::ffff:10.0.0.1", &[b"198.51.100.7, ::ffff:10.0.0.2"]),
            "198.51.100.7"
        );
    }

    #[test]
    fn an_unreadable_entry_leaves_the_proxy_that_passed_it_on() {
        for entry in [
            &b"unknown"[..],
            b"_hidden",
            b"198.51.100",
            b"198.51.100.7:port",
            b"[198.51.100.7]",
            b"fe80::1%eth0",
            b"\xff\xfe",
        ] {
            assert_eq!(client("10.0.0.1", &[b"198.51.100.7", entry]), "10.0.0.1");
            let through_two = [entry, b", 10.0.0.2"].concat();
            assert_eq!(client("10.0.0.1", &[&through_two]), "10.0.0.2");
        }
    }

    #[test]
    fn a_chain_of_nothing_but_proxies_ends_at_its_first() {
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &[b"10.0.0.3, 10.0.0.2"]), "10.0.0.3");
    }
}
