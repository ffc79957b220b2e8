//! One message as it goes over the wire: a prefix of five bytes, then fields. What every call has in common is read and
//! added here, in the bytes, so that it holds for each generated client and each method alike.

use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint};
use tonic::codegen::Bytes;

/// Compression flag and length.
const PREFIX: usize = 5;

/// What a field holds, as far as the wire tells.
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The message in a body that holds exactly one, uncompressed.
pub(crate) fn message(body: &Bytes) -> Option<Bytes> {
    let (prefix, rest) = body.split_first_chunk::<PREFIX>()?;
    let [0, length @ ..] = prefix else {
        return None;
    };
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    (rest.len() == length).then(|| body.slice(PREFIX..))
}

/// The body with a message; none if it is too long for one.
pub(crate) fn body(message: &[u8]) -> Option<Bytes> {
    let length = u32::try_from(message.len()).ok()?;
    let mut body = Vec::with_capacity(PREFIX + message.len());
    body.push(0);
    body.extend_from_slice(&length.to_be_bytes());
    body.extend_from_slice(message);
    Some(body.into())
}

/// A number, by the numbers of the fields that lead to it.
pub(crate) fn number(message: &[u8], path: &[u32]) -> Option<u64> {
    match find(message, path)? {
        Value::Number(number) => Some(number),
        Value::Bytes(_) => None,
    }
}

/// A text, by the numbers of the fields that lead to it; none if it is empty.
pub(crate) fn text<'a>(message: &'a [u8], path: &[u32]) -> Option<&'a str> {
    match find(message, path)? {
        Value::Bytes(bytes) if !bytes.is_empty() => str::from_utf8(bytes).ok(),
        Value::Bytes(_) | Value::Number(_) => None,
    }
}

/// Adds a text. Of a field that occurs twice the last counts, so it replaces one that is there.
pub(crate) fn put_text(message: &mut Vec<u8>, field: u32, text: &str) {
    encode_key(field, WireType::LengthDelimited, message);
    encode_varint(text.len() as u64, message);
    message.extend_from_slice(text.as_bytes());
}

/// Adds a number, as [`put_text`] adds a text.
pub(crate) fn put_number(message: &mut Vec<u8>, field: u32, number: u64) {
    encode_key(field, WireType::Varint, message);
    encode_varint(number, message);
}

fn find<'a>(message: &'a [u8], path: &[u32]) -> Option<Value<'a>> {
    let (field, rest) = path.split_first()?;
    let value = last(message, *field)?;
    match value {
        value if rest.is_empty() => Some(value),
        Value::Bytes(inner) => find(inner, rest),
        Value::Number(_) => None,
    }
}

/// The last occurrence of a field.
fn last(mut message: &[u8], wanted: u32) -> Option<Value<'_>> {
    let mut found = None;
    while !message.is_empty() {
        let (field, kind) = decode_key(&mut message).ok()?;
        let value = match kind {
            WireType::Varint => Value::Number(decode_varint(&mut message).ok()?),
            WireType::LengthDelimited => {
                let length = usize::try_from(decode_varint(&mut message).ok()?).ok()?;
                Value::Bytes(split(&mut message, length)?)
            }
            WireType::SixtyFourBit => Value::Bytes(split(&mut message, 8)?),
            WireType::ThirtyTwoBit => Value::Bytes(split(&mut message, 4)?),
            WireType::StartGroup | WireType::EndGroup => return None,
        };
        if field == wanted {
            found = Some(value);
        }
    }
    found
}

fn split<'a>(message: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = message.split_at_checked(length)?;
    *message = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::v1;

    fn raise() -> v1::RaiseBlockerRequest {
        v1::RaiseBlockerRequest {
            parent: "organizations/acme".to_owned(),
            blocker: Some(v1::Blocker {
                title: "no test data".to_owned(),
                ..v1::Blocker::default()
            }),
            ..v1::RaiseBlockerRequest::default()
        }
    }

    #[test]
    fn what_is_added_is_read_by_everybody() {
        let mut message = raise().encode_to_vec();
        put_text(&mut message, 4, "first");
        put_text(&mut message, 4, "second");
        let body = body(&message).unwrap();
        let message = super::message(&body).unwrap();
        assert_eq!(text(&message, &[1]), Some("organizations/acme"));
        assert_eq!(text(&message, &[4]), Some("second"));
        let decoded = v1::RaiseBlockerRequest::decode(message).unwrap();
        let wanted = v1::RaiseBlockerRequest {
            request_id: "second".to_owned(),
            ..raise()
        };
        assert_eq!(decoded, wanted);
    }

    #[test]
    fn numbers_are_found_within() {
        let answer = v1::GetRollupResponse {
            rollup: Some(v1::Rollup {
                revision: 300,
                ..v1::Rollup::default()
            }),
        };
        let mut message = answer.encode_to_vec();
        assert_eq!(number(&message, &[1, 8]), Some(300));
        assert_eq!(number(&message, &[1, 99]), None);
        put_number(&mut message, 77, 5);
        assert_eq!(number(&message, &[77]), Some(5));
    }

    #[test]
    fn nonsense_is_nothing() {
        for nonsense in [&[][..], &[0x0a], &[0x0a, 0x7f, 0x01], &[0xff; 12], &[0x0b]] {
            assert!(text(nonsense, &[1]).is_none(), "{nonsense:?}");
            assert!(number(nonsense, &[1, 2]).is_none(), "{nonsense:?}");
            let body = Bytes::copy_from_slice(nonsense);
            assert!(message(&body).is_none(), "{nonsense:?}");
        }
        assert!(
            message(&Bytes::from_static(&[1, 0, 0, 0, 0])).is_none(),
            "compressed"
        );
    }
}
