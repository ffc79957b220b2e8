//! Pages of lists. A token carries the place to go on at, and a hash of the other fields: they must stay the same.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use echelon_domain::{Error, FieldError, InvalidReason};
use prost::Message;

use super::call::fingerprint;

/// Most entries of a page.
const SIZE_MAX: usize = 1_000;
/// Version of the tokens.
const TOKEN: &str = "1";

/// Which page of a list is asked for.
#[derive(Debug)]
pub(super) struct Paging {
    /// Most entries of it.
    pub(super) size: usize,
    /// Where the page before ended.
    pub(super) cursor: Option<String>,
    scope: i64,
}

impl Paging {
    /// Takes the paging out of a request. Errors: [`Error::Invalid`].
    pub(super) fn of<M: Message>(
        list: &str,
        message: &mut M,
        size_and_token: impl FnOnce(&mut M) -> (&mut i32, &mut String),
        default_size: usize,
    ) -> Result<Self, Error> {
        let (size, token) = size_and_token(message);
        let (size, token) = (std::mem::take(size), std::mem::take(token));
        let size = match usize::try_from(size) {
            Ok(0) => default_size,
            Ok(size) => size.min(SIZE_MAX),
            Err(_) => {
                return Err(Error::field(
                    "page_size",
                    format!("must not be negative: use 0 for the default, or 1 to {SIZE_MAX}"),
                ));
            }
        };
        let scope = fingerprint(list, message);
        let cursor = match token.as_str() {
            "" => None,
            token => Some(open(token, scope)?),
        };
        Ok(Self {
            size,
            cursor,
            scope,
        })
    }

    /// The token of the page after the one that ends at `cursor`.
    pub(super) fn token(&self, cursor: &str) -> String {
        URL_SAFE_NO_PAD.encode(format!("{TOKEN}/{:x}/{cursor}", self.scope))
    }

    /// The place to go on at, read. Errors: [`Error::Invalid`].
    pub(super) fn cursor<T>(
        &self,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        self.cursor
            .as_deref()
            .map(|cursor| read(cursor).ok_or_else(malformed))
            .transpose()
    }

    /// Cuts what is more than a page off, and returns the token of the next page; empty on the last.
    pub(super) fn cut<T>(&self, entries: &mut Vec<T>, cursor: impl FnOnce(&T) -> String) -> String {
        let more = entries.len() > self.size;
        entries.truncate(self.size);
        match entries.last() {
            Some(last) if more => self.token(&cursor(last)),
            _ => String::new(),
        }
    }

    /// How many entries to ask for, so that the last page is known to be the last.
    pub(super) fn limit(&self) -> u64 {
        u64::try_from(self.size + 1).unwrap_or(u64::MAX)
    }
}

fn open(token: &str, scope: i64) -> Result<String, Error> {
    let plain = URL_SAFE_NO_PAD.decode(token).map_err(|_| malformed())?;
    let plain = String::from_utf8(plain).map_err(|_| malformed())?;
    match plain.splitn(3, '/').collect::<Vec<_>>().as_slice() {
        [TOKEN, of, cursor] if *of == format!("{scope:x}") => Ok((*cursor).to_owned()),
        [TOKEN, _, _] => Err(Error::Invalid {
            reason: InvalidReason::PageToken,
            fields: vec![FieldError::new(
                "page_token",
                "belongs to another list: send the same fields as for the page before, or no token",
            )],
        }),
        _ => Err(malformed()),
    }
}

fn malformed() -> Error {
    Error::Invalid {
        reason: InvalidReason::PageToken,
        fields: vec![FieldError::new(
            "page_token",
            "is no page token: send back next_page_token of the page before, or none",
        )],
    }
}

#[cfg(test)]
mod tests {
    use echelon_api::v1::ListMeetingsRequest;

    use super::*;

    fn paging(request: &ListMeetingsRequest) -> Result<Paging, Error> {
        Paging::of(
            "ListMeetings",
            &mut request.clone(),
            |message| (&mut message.page_size, &mut message.page_token),
            50,
        )
    }

    #[test]
    fn a_token_is_good_for_its_own_list_only() {
        let request = ListMeetingsRequest {
            parent: "organizations/acme".to_owned(),
            ..ListMeetingsRequest::default()
        };
        let token = paging(&request).unwrap().token("a/b");
        let next = ListMeetingsRequest {
            page_size: 7,
            page_token: token.clone(),
            ..request.clone()
        };
        let next = paging(&next).unwrap();
        assert_eq!((next.size, next.cursor.as_deref()), (7, Some("a/b")));
        let other = ListMeetingsRequest {
            node: "organizations/acme/nodes/x".to_owned(),
            page_token: token,
            ..request.clone()
        };
        assert!(paging(&other).is_err());
        for nonsense in ["x", "AAAA", "é"] {
            let request = ListMeetingsRequest {
                page_token: nonsense.to_owned(),
                ..request.clone()
            };
            assert!(paging(&request).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn sizes_have_a_default_and_a_limit() {
        let size = |page_size| {
            paging(&ListMeetingsRequest {
                page_size,
                ..ListMeetingsRequest::default()
            })
            .map(|paging| paging.size)
        };
        assert_eq!(size(0).unwrap(), 50);
        assert_eq!(size(i32::MAX).unwrap(), SIZE_MAX);
        assert!(size(-1).is_err());
    }
}
