//! Swagger UI, the program of the reference page, out of the archive that a package brings along.
//!
//! Nothing is downloaded, neither when this is built nor when it runs. In the archive the files are
//! deflated, which is what gzip holds too: they are sent to most clients without being packed anew.

use std::io::{Cursor, Read};
use std::sync::OnceLock;

use axum::body::Bytes;
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::{CompressionMethod, ZipArchive};

use crate::error::{Cause, Error};

/// Magic number, deflate, no flags, no time, no extra flags, unknown system (RFC 1952).
const GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// A file in both of its forms. Unpacked when it is first asked for, and kept.
#[derive(Debug)]
pub struct PackedFile {
    pub plain: Bytes,
    pub gzip: Bytes,
    pub crc32: u32,
}

/// # Errors
/// [`Error::Internal`] when the archive is not what it was when this was built.
pub fn script() -> Result<&'static PackedFile, Error> {
    static SCRIPT: OnceLock<Result<PackedFile, String>> = OnceLock::new();
    unpacked(&SCRIPT, "/dist/swagger-ui-bundle.js")
}

/// # Errors
/// As for [`script`].
pub fn style() -> Result<&'static PackedFile, Error> {
    static STYLE: OnceLock<Result<PackedFile, String>> = OnceLock::new();
    unpacked(&STYLE, "/dist/swagger-ui.css")
}

fn unpacked(
    file: &'static OnceLock<Result<PackedFile, String>>,
    path: &str,
) -> Result<&'static PackedFile, Error> {
    file.get_or_init(|| unpack(path).map_err(|error| error.to_string()))
        .as_ref()
        .map_err(|why| Error::internal(why.clone()))
}

fn unpack(path: &str) -> Result<PackedFile, Cause> {
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    let mut index = None;
    for number in 0..archive.len() {
        if archive
            .by_index_raw(number)?
            .name_raw()
            .ends_with(path.as_bytes())
        {
            index = Some(number);
        }
    }
    let index = index.ok_or_else(|| format!("the archive has no {path}"))?;

    let mut plain = Vec::new();
    archive.by_index(index)?.read_to_end(&mut plain)?;
    let mut packed = archive.by_index_raw(index)?;
    if packed.compression() != CompressionMethod::Deflated {
        return Err(format!("{path} is not deflated").into());
    }
    let crc32 = packed.crc32();
    let mut gzip = GZIP_HEAD.to_vec();
    packed.read_to_end(&mut gzip)?;
    gzip.extend_from_slice(&crc32.to_le_bytes());
    gzip.extend_from_slice(&u32::try_from(plain.len())?.to_le_bytes());
    Ok(PackedFile {
        plain: plain.into(),
        gzip: gzip.into(),
        crc32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_and_style_are_there_in_both_forms() {
        for (file, holds) in [
            (script().unwrap(), "SwaggerUIBundle"),
            (style().unwrap(), ".swagger-ui"),
        ] {
            let text = std::str::from_utf8(&file.plain).unwrap();
            assert!(text.contains(holds));
            assert!(file.gzip.len() < file.plain.len() / 2);
            // Its foot names the length of what it unpacks to.
            let length = u32::try_from(file.plain.len()).unwrap().to_le_bytes();
            assert!(file.gzip.ends_with(&length));
        }
    }
}
