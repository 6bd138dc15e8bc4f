//! The client's own name for a request, by which a repetition is recognised.

/// 1 to 255 visible ASCII characters, taken as they are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

/// The bytes are no idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 255 visible ASCII characters without spaces")]
pub struct InvalidIdempotencyKey;

impl IdempotencyKey {
    /// Reads the value of the header.
    ///
    /// # Errors
    /// The value is empty, too long or has other bytes than 0x21 to 0x7E.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidIdempotencyKey> {
        if !(1..=255).contains(&bytes.len()) || !bytes.iter().all(u8::is_ascii_graphic) {
            return Err(InvalidIdempotencyKey);
        }
        let text = str::from_utf8(bytes).map_err(|_| InvalidIdempotencyKey)?;
        Ok(Self(text.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_taken_as_it_is() {
        for text in ["k", "!~\"',;", "5f9c-ABC", &"x".repeat(255)] {
            let key = IdempotencyKey::parse(text.as_bytes()).unwrap();
            assert_eq!(key.as_str(), text);
        }
    }

    #[test]
    fn other_bytes_and_lengths_are_refused() {
        for byte in (0..=0x20).chain(0x7f..=0xff) {
            assert!(IdempotencyKey::parse(&[b'k', byte]).is_err(), "{byte:#x}");
        }
        assert!(IdempotencyKey::parse(b"").is_err());
        assert!(IdempotencyKey::parse(&[b'x'; 256]).is_err());
    }
}
