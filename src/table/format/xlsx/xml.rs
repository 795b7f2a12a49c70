//! The small parts of a workbook: elements and texts, one after the other.

use std::borrow::Cow;

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// What stands in a part. Names are without prefix.
pub(in crate::table::format) enum Node<'a, 'b> {
    /// An element begins; if it is empty, its end follows.
    Open(&'a str, &'a BytesStart<'b>),
    /// An element ends.
    Close(&'a str),
    /// A piece of text.
    Text(&'a str),
}

/// Calls `see` with everything in `part`, until it says no. Nothing if the part is not well-formed.
pub(in crate::table::format) fn nodes(part: &str, mut see: impl FnMut(Node<'_, '_>) -> bool) -> Option<()> {
    let mut reader = Reader::from_str(part);
    loop {
        let goes_on = match reader.read_event().ok()? {
            Event::Start(tag) => see(Node::Open(tag.local_name().as_ref(), &tag)),
            Event::Empty(tag) => {
                let name = tag.local_name();
                see(Node::Open(name.as_ref(), &tag)) && see(Node::Close(name.as_ref()))
            }
            Event::End(tag) => see(Node::Close(tag.local_name().as_ref())),
            Event::Text(text) => see(Node::Text(&text.xml10_content())),
            Event::CData(text) => see(Node::Text(&text.xml10_content())),
            Event::GeneralRef(entity) => match entity.resolve_char_ref().ok()? {
                Some(letter) => see(Node::Text(letter.encode_utf8(&mut [0; 4]))),
                None => see(Node::Text(resolve_predefined_entity(&entity.xml10_content())?)),
            },
            Event::Eof => return Some(()),
            _ => true,
        };
        if !goes_on {
            return Some(());
        }
    }
}

/// Attributes of a tag that are looked at: no element of a workbook has half as many.
const MAX_ATTRIBUTES: usize = 64;

/// An attribute's value, by its name without prefix.
pub(in crate::table::format) fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut attributes = tag.attributes();
    // That no name repeats is checked against all names before it.
    attributes.with_checks(false);
    attributes.take(MAX_ATTRIBUTES).flatten().find_map(|attribute| {
        let is_it = attribute.key.local_name().as_ref() == name;
        is_it.then(|| attribute.normalized_value(XmlVersion::Implicit1_0).ok().map(Cow::into_owned)).flatten()
    })
}

/// An attribute that is a number.
pub(in crate::table::format) fn number(tag: &BytesStart<'_>, name: &str) -> Option<u32> {
    attribute(tag, name)?.parse().ok()
}
