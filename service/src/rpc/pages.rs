//! Pages that end before their message grows larger than callers take.

use prost::Message;

use crate::rpc::fields::Invalid;

/// Bytes of a page's entries at most: clients refuse messages of more than 4 MiB unless they are told otherwise.
const PAGE_BYTES: usize = 3 << 20;
/// Bytes of an entry beside its own: field number and length.
const FRAME_BYTES: usize = 8;

/// A page while it is filled.
#[derive(Debug, Default)]
pub struct Page {
    bytes: usize,
}

impl Page {
    /// Whether there is room for `entry`, which takes it; the first one always has room.
    pub fn takes(&mut self, entry: &impl Message) -> bool {
        let bytes = entry.encoded_len() + FRAME_BYTES;
        let room = self.bytes == 0 || self.bytes + bytes <= PAGE_BYTES;
        if room {
            self.bytes += bytes;
        }
        room
    }
}

/// Returns the first of `entries` that have room on one page, and whether they are all.
pub fn fill<M: Message>(entries: impl IntoIterator<Item = M>) -> (Vec<M>, bool) {
    let mut page = Page::default();
    let mut filled = Vec::new();
    for entry in entries {
        if !page.takes(&entry) {
            return (filled, false);
        }
        filled.push(entry);
    }
    (filled, true)
}

/// Returns where the page of `token` starts in a list that was asked for by its entries; 0 where it is empty.
///
/// # Errors
/// No page gave the token.
pub fn place(token: &str) -> Result<usize, Invalid> {
    if token.is_empty() {
        return Ok(0);
    }
    token
        .parse()
        .map_err(|_| Invalid::new("page_token", "was not given by a page of this list"))
}

#[cfg(test)]
mod tests {
    use serendib_proto::v1::Product;

    use super::*;

    fn product(bytes: usize) -> Product {
        Product {
            description: Some("x".repeat(bytes)),
            ..Product::default()
        }
    }

    #[test]
    fn a_page_ends_before_it_grows_larger_than_callers_take() {
        let kilobytes = |n| (0..n).map(|_| product(1_000));
        let (few, all) = fill(kilobytes(100));
        assert_eq!((few.len(), all), (100, true));
        let (many, all) = fill(kilobytes(10_000));
        assert!(!all && many.len() > 3_000);
        let bytes: usize = many.iter().map(|p| p.encoded_len() + FRAME_BYTES).sum();
        assert!(bytes <= PAGE_BYTES, "{bytes}");
        let (huge, all) = fill([product(PAGE_BYTES), product(1)]);
        assert_eq!((huge.len(), all), (1, false), "one entry always has room");
        assert_eq!(place("").unwrap(), 0);
        assert_eq!(place("12").unwrap(), 12);
        assert_eq!(place("box-1").unwrap_err().field, "page_token");
    }
}
