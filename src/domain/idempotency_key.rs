//! The client's own name for a request, under which it may be sent again.

/// 1 to 255 bytes 0x21-0x7E, taken as they are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

/// The bytes are no idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 255 visible ASCII characters without spaces")]
pub struct InvalidIdempotencyKey;

impl IdempotencyKey {
    /// # Errors
    /// Empty, too long, or bytes outside 0x21-0x7E.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidIdempotencyKey> {
        let visible = bytes.iter().all(|byte| (0x21..=0x7e).contains(byte));
        match std::str::from_utf8(bytes) {
            Ok(text) if visible && (1..=255).contains(&bytes.len()) => Ok(Self(text.to_owned())),
            _ => Err(InvalidIdempotencyKey),
        }
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
    fn a_key_is_1_to_255_visible_ascii_bytes() {
        assert_eq!(
            IdempotencyKey::parse(b"order-17/~!").map(|key| key.as_str().to_owned()),
            Ok("order-17/~!".to_owned())
        );
        assert!(IdempotencyKey::parse(&[b'x'; 255]).is_ok());
        for wrong in [
            &b""[..],
            b"a b",
            b"a\0",
            b"\x7f",
            "é".as_bytes(),
            &[b'x'; 256],
        ] {
            assert_eq!(
                IdempotencyKey::parse(wrong),
                Err(InvalidIdempotencyKey),
                "{wrong:?}"
            );
        }
    }
}
