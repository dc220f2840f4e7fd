//! The shape of a message on the wire, told before it is decoded: an empty message of two bytes there costs hundreds in memory.

use std::collections::HashMap;

use prost::bytes::Buf;
use prost::encoding::{decode_key, decode_varint, WireType};
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorSet};

/// Messages that any message may hold, and one more for so many bytes of it.
const FREE: usize = 20_000;
const BYTES_EACH: usize = 32;
/// Levels of messages inside messages that are looked at; the decoder takes no more either.
const DEPTH: usize = 100;

/// Which fields of the contract's messages are messages.
#[derive(Debug, Default)]
pub struct Shapes {
    by_name: HashMap<String, usize>,
    /// By message: the message in a field, by the field's number.
    fields: Vec<HashMap<u32, usize>>,
}

/// More messages in one than its bytes account for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request holds more than {most} messages in {bytes} bytes")]
pub struct TooMany {
    most: usize,
    bytes: usize,
}

impl Shapes {
    /// The shapes of all messages of `contract`.
    pub fn of(contract: &FileDescriptorSet) -> Shapes {
        let mut found: Vec<(String, &DescriptorProto)> = Vec::new();
        for file in &contract.file {
            let prefix = format!(".{}", file.package());
            let messages = file.message_type.iter();
            found.extend(messages.map(|message| (format!("{prefix}.{}", message.name()), message)));
        }
        let mut at = 0;
        while let Some((name, message)) = found.get(at).cloned() {
            let nested = message.nested_type.iter();
            found.extend(nested.map(|inner| (format!("{name}.{}", inner.name()), inner)));
            at += 1;
        }
        let names = found.iter().enumerate();
        let by_name: HashMap<String, usize> =
            names.map(|(at, (name, _))| (name.clone(), at)).collect();
        let fields = found.iter().map(|(_, message)| {
            let fields = message.field.iter();
            let messages = fields.filter(|field| field.r#type() == Type::Message);
            messages
                .filter_map(|field| Some((field.number() as u32, *by_name.get(field.type_name())?)))
                .collect()
        });
        Shapes {
            fields: fields.collect(),
            by_name,
        }
    }

    /// The number of the message called `name`, with its package and a dot in front.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// Whether the messages in `bytes`, which are to be decoded as message number `of`, are as many as so many bytes may hold.
    /// Of what is malformed the decoder speaks.
    ///
    /// # Errors
    /// There are more.
    pub fn admit(&self, of: usize, bytes: &[u8]) -> Result<(), TooMany> {
        let most = FREE + bytes.len() / BYTES_EACH;
        let mut left = most;
        match self.count(of, bytes, &mut left, DEPTH) {
            true => Ok(()),
            false => Err(TooMany {
                most,
                bytes: bytes.len(),
            }),
        }
    }

    /// Takes the messages inside `bytes` off `left`; false = there are more.
    fn count(&self, of: usize, mut bytes: &[u8], left: &mut usize, depth: usize) -> bool {
        let Some(fields) = self.fields.get(of).filter(|_| depth > 0) else {
            return true;
        };
        while bytes.has_remaining() {
            let Ok((number, wire)) = decode_key(&mut bytes) else {
                return true;
            };
            let skipped = match wire {
                WireType::Varint => {
                    if decode_varint(&mut bytes).is_err() {
                        return true;
                    }
                    0
                }
                WireType::SixtyFourBit => 8,
                WireType::ThirtyTwoBit => 4,
                WireType::LengthDelimited => {
                    let Ok(len) = decode_varint(&mut bytes) else {
                        return true;
                    };
                    usize::try_from(len).unwrap_or(usize::MAX)
                }
                WireType::StartGroup | WireType::EndGroup => return true,
            };
            let Some((inside, rest)) = bytes.split_at_checked(skipped) else {
                return true;
            };
            bytes = rest;
            if let (WireType::LengthDelimited, Some(inner)) = (wire, fields.get(&number)) {
                if *left == 0 {
                    return false;
                }
                *left -= 1;
                if !self.count(*inner, inside, left, depth - 1) {
                    return false;
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message;
    use serendib_proto::v1::{RecordRequest, Touchpoint};

    fn shapes() -> (Shapes, usize) {
        let contract = FileDescriptorSet::decode(serendib_proto::FILE_DESCRIPTOR_SET).unwrap();
        let shapes = Shapes::of(&contract);
        let record = shapes.find(".serendib.v1.RecordRequest").unwrap();
        (shapes, record)
    }

    #[test]
    fn rows_pass_and_endless_empty_ones_do_not() {
        let (shapes, record) = shapes();
        let row = Touchpoint {
            customer_id: "ada".into(),
            kind: "purchase".into(),
            ..Touchpoint::default()
        };
        let full = RecordRequest {
            touchpoints: vec![row; 30_000],
        };
        assert_eq!(shapes.admit(record, &full.encode_to_vec()), Ok(()));
        let empty = RecordRequest {
            touchpoints: vec![Touchpoint::default(); 30_000],
        };
        assert!(shapes.admit(record, &empty.encode_to_vec()).is_err());
    }

    #[test]
    fn what_is_malformed_is_left_to_the_decoder() {
        let (shapes, record) = shapes();
        for bytes in [
            &[0x0a, 0xff][..],
            &[0xff; 20],
            &[0x0b, 0x0b],
            &[0x0a, 0x05, 1],
        ] {
            assert_eq!(shapes.admit(record, bytes), Ok(()));
        }
    }
}
