//! Takes a LinkedIn address apart: checks scheme and host, hands back path and query.

use crate::domain::linkedin_url::InvalidLinkedinUrl;

/// The longest address that is read, in bytes.
pub(super) const MAX_BYTES: usize = 8_192;

/// The parts of an address on a LinkedIn host, undecoded. The fragment is dropped.
pub(super) struct Address<'a> {
    /// Empty or beginning with a slash.
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
}

impl<'a> Address<'a> {
    /// Reads a text that has no white space around it.
    pub(super) fn split(text: &'a str) -> Result<Self, InvalidLinkedinUrl> {
        if text.is_empty() {
            return Err(InvalidLinkedinUrl::because("must not be empty"));
        }
        if text.len() > MAX_BYTES {
            return Err(InvalidLinkedinUrl::because("must have at most 8,192 bytes"));
        }
        // Address libraries drop tabs and newlines and turn backslashes into slashes: what they
        // would read is not what was sent.
        if text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(InvalidLinkedinUrl::because(
                "must not contain white space, control characters or backslashes",
            ));
        }
        let (rest, port) = strip_scheme(text)?;
        let (authority, rest) = rest
            .find(['/', '?', '#'])
            .map_or((rest, ""), |at| rest.split_at(at));
        check_authority(authority, port)?;
        let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
        Ok(match rest.split_once('?') {
            Some((path, query)) => Self {
                path,
                query: Some(query),
            },
            None => Self {
                path: rest,
                query: None,
            },
        })
    }

    /// The parts of the path between slashes, still percent-encoded.
    pub(super) fn segments(&self) -> Vec<&'a str> {
        self.path.split('/').skip(1).collect()
    }
}

/// The text behind the scheme, and the port that the scheme stands for. No scheme is https:
/// people paste `linkedin.com/in/name`.
fn strip_scheme(text: &str) -> Result<(&str, &'static str), InvalidLinkedinUrl> {
    match text.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?', '#']) => {
            if scheme.eq_ignore_ascii_case("https") {
                Ok((rest, "443"))
            } else if scheme.eq_ignore_ascii_case("http") {
                Ok((rest, "80"))
            } else {
                Err(InvalidLinkedinUrl::because(
                    "must begin with https:// or http://",
                ))
            }
        }
        _ => Ok((text, "443")),
    }
}

fn check_authority(authority: &str, own_port: &str) -> Result<(), InvalidLinkedinUrl> {
    if authority.contains('@') {
        return Err(InvalidLinkedinUrl::because(
            "must not carry a user name or password",
        ));
    }
    let host = match authority.split_once(':') {
        Some((host, port)) if port == own_port => host,
        Some((host, _)) if is_linkedin_host(host) => {
            return Err(InvalidLinkedinUrl::because("must not name another port"));
        }
        Some(_) => "",
        None => authority,
    };
    if is_linkedin_host(host) {
        Ok(())
    } else {
        Err(InvalidLinkedinUrl::because(
            "must be an address on linkedin.com or one of its subdomains",
        ))
    }
}

/// `linkedin.com` itself or with one label before it, such as `www`, `fr` or `m`.
fn is_linkedin_host(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host == "linkedin.com" || host.strip_suffix(".linkedin.com").is_some_and(is_label)
}

fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linkedin_hosts_are_accepted_in_every_spelling() {
        for text in [
            "https://www.linkedin.com/in/x",
            "HTTPS://WWW.LinkedIn.COM/in/x",
            "http://linkedin.com/in/x",
            "linkedin.com/in/x",
            "m.linkedin.com/in/x",
            "https://fr.linkedin.com/in/x",
            "https://www.linkedin.com:443/in/x",
            "http://www.linkedin.com:80/in/x",
            "www.linkedin.com/in/x?next=https://evil.test/",
        ] {
            let address = Address::split(text).unwrap();
            assert_eq!(address.segments(), ["in", "x"], "{text}");
        }
    }

    #[test]
    fn other_hosts_schemes_and_ports_are_refused() {
        for text in [
            "",
            "https://",
            "https:///in/x",
            "/in/x",
            "//www.linkedin.com/in/x",
            "https:/www.linkedin.com/in/x",
            "https:www.linkedin.com/in/x",
            "https://linkedin.com.evil.test/in/x",
            "https://evil-linkedin.com/in/x",
            "https://evillinkedin.com/in/x",
            "https://a.b.linkedin.com/in/x",
            "https://.linkedin.com/in/x",
            "https://-.linkedin.com/in/x",
            "https://www.linkedin.com./in/x",
            "https://www%2elinkedin.com/in/x",
            "https://evil.test%2f.linkedin.com/in/x",
            "https://ｌinkedin.com/in/x",
            "https://é.linkedin.com/in/x",
            "https://lnkd.in/x",
            "https://evil.test/www.linkedin.com/in/x",
            "https://evil.test?www.linkedin.com/in/x",
            "https://evil.test#.linkedin.com/in/x",
            "https://linkedin.com@evil.test/in/x",
            "https://ada:pass@www.linkedin.com/in/x",
            "https://@www.linkedin.com/in/x",
            "https://www.linkedin.com:8443/in/x",
            "https://www.linkedin.com:80/in/x",
            "https://www.linkedin.com:/in/x",
            "http://www.linkedin.com:443/in/x",
            "https://127.0.0.1/in/x",
            "https://[::1]/in/x",
            "https://2130706433/in/x",
            "ftp://www.linkedin.com/in/x",
            "javascript://www.linkedin.com/in/x",
            "javascript:alert(1)//www.linkedin.com/in/x",
            "file:///in/x",
            "https://https://www.linkedin.com/in/x",
            "https://www.linkedin.com\\@evil.test/in/x",
            "https://www.linkedin.com/in\\x",
            "https://www.link\tedin.com/in/x",
            "https://www.linkedin.com/in/x\ny",
            "https://www.linkedin.com/in/x\0",
            "https://www.linkedin.com/in/x\u{7f}",
            "https://www.linkedin.com/in/x\u{a0}y",
        ] {
            assert!(Address::split(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_reason_names_what_to_change() {
        let reason = |text| Address::split(text).err().unwrap().reason;
        assert!(reason("ftp://www.linkedin.com/in/x").contains("https://"));
        assert!(reason("https://www.linkedin.com:8443/in/x").contains("port"));
        assert!(reason("https://linkedin.com@evil.test/in/x").contains("user name"));
        assert!(reason("https://evil.test/in/x").contains("linkedin.com"));
        let long = format!("https://www.linkedin.com/in/{}", "x".repeat(MAX_BYTES));
        assert!(reason(&long).contains("8,192"));
    }
}
