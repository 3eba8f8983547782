//! One tree for an answer, laid out as the incumbent's XML or as JSON.

use serde::ser::{Serialize, SerializeMap, Serializer};
use std::fmt::Write;

/// An element with text or children or neither.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    name: String,
    attribute: Option<(String, String)>,
    text: String,
    is_number: bool,
    children: Vec<Element>,
    /// The name of the children that are one of many: a list, however many of them there are.
    many: Option<String>,
}

/// An element with nothing in it yet.
pub(crate) fn element(name: &str) -> Element {
    Element {
        name: name.to_owned(),
        attribute: None,
        text: String::new(),
        is_number: false,
        children: Vec::new(),
        many: None,
    }
}

impl Element {
    /// Adds a child.
    #[must_use]
    pub(crate) fn child(mut self, child: Element) -> Self {
        self.children.push(child);
        self
    }

    /// Adds children of different names.
    #[must_use]
    pub(crate) fn children(mut self, children: impl IntoIterator<Item = Element>) -> Self {
        self.children.extend(children);
        self
    }

    /// Adds the children of one name that there may be none or many of.
    #[must_use]
    pub(crate) fn list(mut self, name: &str, items: impl IntoIterator<Item = Element>) -> Self {
        self.many = Some(name.to_owned());
        self.children(items)
    }

    /// Adds a child that holds only text.
    #[must_use]
    pub(crate) fn leaf(self, name: &str, text: impl ToString) -> Self {
        self.child(element(name).text(&text.to_string()))
    }

    /// Adds a child that holds a number.
    #[must_use]
    pub(crate) fn number(self, name: &str, number: impl ToString) -> Self {
        self.child(Element { is_number: true, ..element(name).text(&number.to_string()) })
    }

    /// Adds a child that holds only text, where there is one.
    #[must_use]
    pub(crate) fn maybe_leaf(self, name: &str, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.leaf(name, text),
            None => self,
        }
    }

    /// Sets the text that stands before the children.
    #[must_use]
    pub(crate) fn text(mut self, text: &str) -> Self {
        text.clone_into(&mut self.text);
        self
    }

    /// Sets its attribute.
    #[must_use]
    pub(crate) fn attribute(mut self, name: &str, value: &str) -> Self {
        self.attribute = Some((name.to_owned(), value.to_owned()));
        self
    }

    /// The document with this element as its root.
    pub(crate) fn xml(&self) -> String {
        let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n".to_owned();
        self.write_xml(Some(0), &mut out);
        out
    }

    fn write_xml(&self, depth: Option<usize>, out: &mut String) {
        let indent = |depth: Option<usize>, out: &mut String| out.push_str(&"  ".repeat(depth.unwrap_or(0)));
        let end = if depth.is_some() { "\n" } else { "" };
        indent(depth, out);
        let _infallible = write!(out, "<{}", self.name);
        if let Some((name, value)) = &self.attribute {
            let _infallible = write!(out, " {name}=\"{}\"", escaped(value).replace('"', "&quot;"));
        }
        if self.text.is_empty() && self.children.is_empty() {
            out.push_str("/>");
            out.push_str(end);
            return;
        }
        out.push('>');
        out.push_str(&escaped(&self.text));
        // Beside text no blank may be added: it would become part of the text.
        let inner = depth.filter(|_| self.text.is_empty() && !self.children.is_empty());
        if inner.is_some() {
            out.push('\n');
        }
        for child in &self.children {
            child.write_xml(inner.map(|depth| depth + 1), out);
        }
        indent(inner, out);
        let _infallible = write!(out, "</{}>{end}", self.name);
    }

    /// Laid out as JSON, elements in their order: text is a string, no text is null, what may be many is an array.
    pub(crate) fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("text and numbers only") + "\n"
    }
}

impl Serialize for Element {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if self.children.is_empty() && self.many.is_none() && self.attribute.is_none() {
            let number = self.text.parse::<serde_json::Number>().ok().filter(|_| self.is_number);
            return match (number, self.text.as_str()) {
                (Some(number), _) => number.serialize(to),
                (None, "") => to.serialize_none(),
                (None, text) => to.serialize_str(text),
            };
        }
        let mut fields = to.serialize_map(None)?;
        if let Some((name, value)) = &self.attribute {
            fields.serialize_entry(name, value)?;
        }
        if let Some(many) = &self.many {
            let of_many: Vec<&Element> = self.children.iter().filter(|child| child.name == *many).collect();
            fields.serialize_entry(many, &of_many)?;
        }
        for child in self.children.iter().filter(|child| self.many.as_ref() != Some(&child.name)) {
            fields.serialize_entry(&child.name, child)?;
        }
        fields.end()
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_with_text_keeps_to_one_line() {
        let brick =
            element("brick").attribute("uuid", "u").text("h:/b").leaf("name", "h:/b").leaf("isArbiter", 0);
        let text = element("out").child(element("bricks").child(brick)).child(element("none")).xml();
        let body = "  <bricks>\n    <brick uuid=\"u\">h:/b<name>h:/b</name><isArbiter>0</isArbiter></brick>\n  \
                    </bricks>\n  <none/>\n</out>\n";
        assert!(text.ends_with(body), "{text}");
    }

    #[test]
    fn what_would_be_markup_is_escaped() {
        let text = element("why").text("a < b & \"c\"").xml();
        assert!(text.ends_with("<why>a &lt; b &amp; \"c\"</why>\n"), "{text}");
    }

    #[test]
    fn what_may_be_many_is_an_array_in_json_even_if_it_is_one_or_none() {
        let volumes =
            element("volumes").list("volume", [element("volume").leaf("name", "5")]).number("count", 1);
        let tree =
            element("cliOutput").leaf("opErrstr", "").child(volumes).child(element("none").list("x", []));
        let wanted = "{\n  \"opErrstr\": null,\n  \"volumes\": {\n    \"volume\": [\n      {\n        \"name\": \"5\"\n      }\n    ],\n    \
                      \"count\": 1\n  },\n  \"none\": {\n    \"x\": []\n  }\n}\n";
        assert_eq!(tree.json(), wanted);
    }

    #[test]
    fn only_numbers_are_numbers_in_json() {
        let json = |text: &str| element("a").number("n", text).json();
        for (text, written) in [("-7", "-7"), ("1.5", "1.5"), ("007", "\"007\""), ("nan", "\"nan\"")] {
            assert_eq!(json(text), format!("{{\n  \"n\": {written}\n}}\n"));
        }
        assert_eq!(element("a").leaf("n", "a\"\u{1}").json(), "{\n  \"n\": \"a\\\"\\u0001\"\n}\n");
    }
}
