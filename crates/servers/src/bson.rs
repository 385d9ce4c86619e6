//! Just enough of MongoDB's wire format to ask one server three questions.

use std::collections::HashMap;

/// A field's value.
pub(crate) enum Value {
    Int(i32),
    Bool(bool),
    Text(String),
    Document(Vec<(&'static str, Value)>),
    /// An array of one: more is never sent.
    Single(Box<Value>),
}

/// What is read from an answer's top level.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Field {
    Number(f64),
    Bool(bool),
    Other,
}

const OP_MSG: i32 = 2013;
const HEADER_BYTES: usize = 16;
/// Header, flag bits, and the kind of the one section.
const BODY_OFFSET: usize = HEADER_BYTES + 4 + 1;

/// One command as an OP_MSG.
/// The database goes last, the command's name must be first.
pub(crate) fn message(command: &[(&'static str, Value)]) -> Vec<u8> {
    let database = Value::Text("admin".to_owned());
    let named = command.iter().map(|(name, value)| (*name, value));
    let body = document(named.chain([("$db", &database)]));
    let length = i32::try_from(BODY_OFFSET + body.len()).unwrap_or(i32::MAX);
    let mut bytes: Vec<u8> = [length, 1, 0, OP_MSG, 0].iter().flat_map(|number| number.to_le_bytes()).collect();
    bytes.push(0);
    bytes.extend(body);
    bytes
}

/// The top-level fields of an answer, or none while it is not complete.
pub(crate) fn answer(received: &[u8]) -> Option<HashMap<String, Field>> {
    let length = usize::try_from(int(received, 0)?).ok()?;
    if received.len() < length {
        return None;
    }
    Some(fields(received.get(BODY_OFFSET..length)?))
}

fn document<'a>(fields: impl IntoIterator<Item = (&'static str, &'a Value)>) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let (kind, bytes) = encoded(value);
        body.push(kind);
        body.extend(name.as_bytes());
        body.push(0);
        body.extend(bytes);
    }
    let length = i32::try_from(body.len() + 5).unwrap_or(i32::MAX);
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend(body);
    bytes.push(0);
    bytes
}

fn encoded(value: &Value) -> (u8, Vec<u8>) {
    match value {
        Value::Int(number) => (0x10, number.to_le_bytes().to_vec()),
        Value::Bool(flag) => (0x08, vec![u8::from(*flag)]),
        Value::Document(fields) => (0x03, document(fields.iter().map(|(name, value)| (*name, value)))),
        Value::Single(value) => (0x04, document([("0", &**value)])),
        Value::Text(text) => {
            let length = i32::try_from(text.len() + 1).unwrap_or(i32::MAX);
            let mut bytes = length.to_le_bytes().to_vec();
            bytes.extend(text.as_bytes());
            bytes.push(0);
            (0x02, bytes)
        }
    }
}

/// Reads on as far as it understands.
fn fields(body: &[u8]) -> HashMap<String, Field> {
    let mut found = HashMap::new();
    let mut rest = body.get(4..).unwrap_or_default();
    while let Some((name, field, after)) = next_field(rest) {
        found.insert(name, field);
        rest = after;
    }
    found
}

fn next_field(bytes: &[u8]) -> Option<(String, Field, &[u8])> {
    let (kind, rest) = bytes.split_first().filter(|(kind, _)| **kind != 0)?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    let name = String::from_utf8_lossy(&rest[..end]).into_owned();
    let value = &rest[end + 1..];
    let field = match kind {
        0x01 => Field::Number(f64::from_le_bytes(value.get(..8)?.try_into().ok()?)),
        0x08 => Field::Bool(*value.first()? == 1),
        0x10 => Field::Number(f64::from(int(value, 0)?)),
        _ => Field::Other,
    };
    Some((name, field, value.get(width(*kind, value)?..)?))
}

fn width(kind: u8, value: &[u8]) -> Option<usize> {
    let prefix = || usize::try_from(int(value, 0)?).ok();
    match kind {
        0x01 | 0x09 | 0x11 | 0x12 => Some(8),
        0x02 => Some(4 + prefix()?),
        0x03 | 0x04 => prefix(),
        0x05 => Some(5 + prefix()?),
        0x07 => Some(12),
        0x08 => Some(1),
        0x0a => Some(0),
        0x10 => Some(4),
        _ => None,
    }
}

fn int(bytes: &[u8], offset: usize) -> Option<i32> {
    Some(i32::from_le_bytes(bytes.get(offset..offset + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let sent = message(&[
            ("hello", Value::Int(1)),
            ("name", Value::Text("rs0".to_owned())),
            ("inner", Value::Single(Box::new(Value::Document(vec![("a", Value::Int(9))])))),
            ("force", Value::Bool(true)),
        ]);
        let read = answer(&sent).unwrap();
        assert_eq!(read["hello"], Field::Number(1.0));
        assert_eq!(read["force"], Field::Bool(true));
        assert_eq!(read["inner"], Field::Other);
        assert_eq!(answer(&sent[..sent.len() - 1]), None);
    }
}
