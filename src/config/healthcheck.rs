//! What `healthcheck` can be told.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use clap::Args;

use super::service::DEFAULT_LISTEN;

/// Whom `healthcheck` asks, and what.
#[derive(Debug, Clone, Args)]
pub struct HealthcheckSettings {
    /// Where the service listens, as `serve` and `sandbox` are told
    #[arg(
        long = "listen",
        env = "LISTEN_ADDR",
        value_name = "LISTEN_ADDR",
        default_value = DEFAULT_LISTEN
    )]
    listen: SocketAddr,
    /// Ask whether it can serve (GET /readyz) and not only whether it lives (GET /healthz)
    #[arg(long)]
    pub ready: bool,
}

impl HealthcheckSettings {
    /// Where the service is reached from its own machine.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        let ip = match self.listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        SocketAddr::new(ip, self.listen.port())
    }

    #[must_use]
    pub fn path(&self) -> &'static str {
        if self.ready { "/readyz" } else { "/healthz" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_on_every_address_is_asked_on_the_loopback_one() {
        for (listen, asked) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:80", "[::1]:80"),
            ("127.0.0.2:9", "127.0.0.2:9"),
            ("192.0.2.1:8080", "192.0.2.1:8080"),
        ] {
            let listen = listen.parse().unwrap();
            let settings = HealthcheckSettings {
                listen,
                ready: false,
            };
            assert_eq!(settings.address().to_string(), asked);
        }
    }
}
