//! Documents laid out as the incumbent's are: two blanks a level, an element with text on one line.

use std::fmt::Write;

/// An element with text or children or neither.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    name: String,
    attribute: Option<(String, String)>,
    text: String,
    children: Vec<Element>,
}

/// An element with nothing in it yet.
pub(crate) fn element(name: &str) -> Element {
    Element { name: name.to_owned(), attribute: None, text: String::new(), children: Vec::new() }
}

impl Element {
    /// Adds a child.
    #[must_use]
    pub(crate) fn child(mut self, child: Element) -> Self {
        self.children.push(child);
        self
    }

    /// Adds children.
    #[must_use]
    pub(crate) fn children(mut self, children: impl IntoIterator<Item = Element>) -> Self {
        self.children.extend(children);
        self
    }

    /// Adds a child that holds only text.
    #[must_use]
    pub(crate) fn leaf(self, name: &str, text: impl ToString) -> Self {
        self.child(element(name).text(&text.to_string()))
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

    fn write(&self, depth: Option<usize>, out: &mut String) {
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
        let inner = depth.filter(|_| self.text.is_empty());
        if inner.is_some() {
            out.push('\n');
        }
        for child in &self.children {
            child.write(inner.map(|depth| depth + 1), out);
        }
        indent(inner, out);
        let _infallible = write!(out, "</{}>{end}", self.name);
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The document of an answer: the outcome first, then the command's own elements.
pub(crate) fn document(op_ret: i32, op_errno: i32, op_errstr: &str, body: Vec<Element>) -> String {
    let root =
        element("cliOutput").leaf("opRet", op_ret).leaf("opErrno", op_errno).leaf("opErrstr", op_errstr);
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n".to_owned();
    root.children(body).write(Some(0), &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_with_text_keeps_to_one_line() {
        let brick =
            element("brick").attribute("uuid", "u").text("h:/b").leaf("name", "h:/b").leaf("isArbiter", 0);
        let text = document(0, 0, "", vec![element("bricks").child(brick), element("none")]);
        let body = "  <bricks>\n    <brick uuid=\"u\">h:/b<name>h:/b</name><isArbiter>0</isArbiter></brick>\n  \
                    </bricks>\n  <none/>\n</cliOutput>\n";
        assert!(text.ends_with(body), "{text}");
        assert!(text.contains("<opErrstr/>"));
    }

    #[test]
    fn what_would_be_markup_is_escaped() {
        let text = document(-1, 1, "a < b & \"c\"", vec![]);
        assert!(text.contains("<opErrstr>a &lt; b &amp; \"c\"</opErrstr>"), "{text}");
    }
}
