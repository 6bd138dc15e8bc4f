//! Whose word on a client's address is taken.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

/// Bits before the IPv4 address in an IPv6 address that stands for it.
const MAPPED_PREFIX: u8 = 96;

/// The reverse proxies whose `X-Forwarded-For` is believed: none unless they are named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

/// The text is no list of proxies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProxies {
    #[error("{0:?} is no address or network, such as 10.0.0.5 or 10.0.0.0/8")]
    Unreadable(String),
    #[error("{0} is every address there is: with it each client could choose its own")]
    Everybody(IpNet),
}

impl TrustedProxies {
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl FromStr for TrustedProxies {
    type Err = InvalidProxies;

    /// Addresses and networks, separated by commas. Nothing at all is no proxy.
    fn from_str(text: &str) -> Result<Self, InvalidProxies> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        text.split(',')
            .map(|entry| network(entry.trim()))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn network(text: &str) -> Result<IpNet, InvalidProxies> {
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => text
            .parse()
            .map_err(|_| InvalidProxies::Unreadable(text.to_owned()))?,
    };
    let network = canonical(network);
    match network.prefix_len() {
        0 => Err(InvalidProxies::Everybody(network)),
        _ => Ok(network),
    }
}

/// Addresses are compared in their own family, so a network written as IPv4 in IPv6 is one of IPv4.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else {
        return network;
    };
    let address = mapped.addr().to_ipv4_mapped();
    let prefix = mapped.prefix_len().checked_sub(MAPPED_PREFIX);
    match (address, prefix) {
        (Some(address), Some(prefix)) => Ipv4Net::new(address, prefix).map_or(network, IpNet::V4),
        _ => network,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusts(list: &str, address: &str) -> bool {
        let proxies: TrustedProxies = list.parse().unwrap();
        proxies.contains(address.parse().unwrap())
    }

    #[test]
    fn nobody_is_trusted_unless_named() {
        for nobody in ["", "  "] {
            assert!(!trusts(nobody, "127.0.0.1"));
            assert!(!trusts(nobody, "::1"));
        }
    }

    #[test]
    fn addresses_and_networks_of_both_families_are_read() {
        let list = " 192.0.2.1, 10.1.2.3/8 ,2001:db8::/32,::1";
        for trusted in ["192.0.2.1", "10.200.0.9", "2001:db8:9::1", "::1"] {
            assert!(trusts(list, trusted), "{trusted}");
        }
        for foreign in ["192.0.2.2", "11.0.0.1", "2001:db9::1", "::2"] {
            assert!(!trusts(list, foreign), "{foreign}");
        }
    }

    #[test]
    fn ipv4_written_as_ipv6_is_ipv4() {
        assert!(trusts("10.0.0.0/8", "::ffff:10.1.1.1"));
        for list in ["::ffff:10.1.1.1", "::ffff:10.0.0.0/104"] {
            assert!(trusts(list, "10.1.1.1"), "{list}");
            assert!(!trusts(list, "11.1.1.1"), "{list}");
        }
    }

    #[test]
    fn what_is_no_network_is_named() {
        for bad in [
            "localhost",
            "10.0.0.0/33",
            "10.0.0.1,,10.0.0.2",
            "10.0.0.1;::1",
        ] {
            let error = bad.parse::<TrustedProxies>().unwrap_err();
            assert!(matches!(error, InvalidProxies::Unreadable(_)), "{bad}");
        }
    }

    #[test]
    fn the_whole_of_a_family_is_refused() {
        for all in ["0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96", "10.0.0.1,::/0"] {
            let error = all.parse::<TrustedProxies>().unwrap_err();
            assert!(matches!(error, InvalidProxies::Everybody(_)), "{all}");
        }
    }
}
