//! V8's sampled heap profiles: `.heapprofile`, of `node --heap-prof` and of Chrome's developer tools.
//!
//! ```text
//! {"head":{"callFrame":{"functionName","scriptId","url","lineNumber","columnNumber"},"selfSize","id","children":[…]}}
//! ```
//!
//! A node holds `selfSize` live bytes, scaled up already. Lines and columns count from 0. The tree is as deep
//! as the program's stacks, so it is read without recursion.

use std::borrow::Cow;

use super::json_tokens::{Token, Tokens};
use crate::format::list::Format;
use crate::format::others::beginning::{head, holds};
use crate::limits::Limits;
use crate::location::{Line, Location, LocationId};
use crate::profile::{Profile, ValueType};
use crate::read_error::ReadError;
use crate::source::{Missing, Source};

/// A function without a name.
const ANONYMOUS: &str = "(anonymous)";

/// What V8 calls the root of the tree, which is no function.
const ROOT: &str = "(root)";

/// A node of the tree, which is complete when its object ends.
#[derive(Default)]
struct Node<'a> {
    name: Cow<'a, str>,
    url: Cow<'a, str>,
    line: i64,
    column: i64,
    bytes: i64,
}

/// Decodes a profile.
pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Profile, ReadError> {
    let mut profile = Profile::new(vec![ValueType::new("inuse_space", "bytes")]);
    profile.default_sample_type = Some(0);
    profile.source = Source { producer: Some("V8".to_owned()), ..Source::of(Format::V8) };
    for missing in [Missing::Blocks, Missing::SamplingInterval, Missing::AllocatedTotals, Missing::PeakTotals]
    {
        profile.source.lacks(missing);
    }
    let mut tokens = Tokens::new(Format::V8, bytes);
    tokens.expect(Token::ObjectStart)?;
    while let Some(key) = tokens.key()? {
        if key == "head" {
            tree(&mut tokens, &mut profile, limits, bytes)?;
        } else {
            tokens.skip()?;
        }
    }
    Ok(profile)
}

/// Reads the tree. A node's values may stand behind its children, so rows are made when all is read.
fn tree<'a>(
    tokens: &mut Tokens<'a>,
    profile: &mut Profile,
    limits: &Limits,
    bytes: &[u8],
) -> Result<(), ReadError> {
    let mut nodes: Vec<(Option<usize>, Node<'a>)> = Vec::new();
    // Nodes whose object is open, and which of them are in the middle of their children.
    let mut open: Vec<usize> = Vec::new();
    tokens.expect(Token::ObjectStart)?;
    nodes.push((None, Node::default()));
    open.push(0);
    while let Some(&at) = open.last() {
        match tokens.key()? {
            Some(key) if key == "children" => {
                tokens.expect(Token::ArrayStart)?;
                if !begin_child(tokens, &mut nodes, &mut open, at)? {
                    continue;
                }
            }
            Some(key) => value(tokens, &key, &mut nodes[at].1)?,
            None => {
                open.pop();
                // The next of the parent's children, if there is one.
                if let Some(&parent) = open.last() {
                    begin_child(tokens, &mut nodes, &mut open, parent)?;
                }
            }
        }
        if open.len() > Limits::MAX_STACK_FRAMES {
            return Err(tokens.wrong(&format!("a stack of more than {} frames", Limits::MAX_STACK_FRAMES)));
        }
        limits.check((bytes.len() + nodes.capacity() * size_of::<(Option<usize>, Node<'_>)>()) as u64)?;
    }
    rows(&nodes, profile, limits, bytes)
}

/// Begins the next child of a node; false at the end of the array.
fn begin_child<'a>(
    tokens: &mut Tokens<'a>,
    nodes: &mut Vec<(Option<usize>, Node<'a>)>,
    open: &mut Vec<usize>,
    parent: usize,
) -> Result<bool, ReadError> {
    match tokens.element()? {
        None => Ok(false),
        Some(Token::ObjectStart) => {
            nodes.push((Some(parent), Node::default()));
            open.push(nodes.len() - 1);
            Ok(true)
        }
        Some(_) => Err(tokens.wrong("a node was expected")),
    }
}

/// Reads a value of a node, or passes it over.
fn value<'a>(tokens: &mut Tokens<'a>, key: &str, node: &mut Node<'a>) -> Result<(), ReadError> {
    match key {
        "selfSize" => node.bytes = tokens.count("selfSize")?,
        "callFrame" => {
            tokens.expect(Token::ObjectStart)?;
            while let Some(key) = tokens.key()? {
                match &*key {
                    "functionName" => node.name = tokens.string()?,
                    "url" => node.url = tokens.string()?,
                    "lineNumber" => node.line = tokens.number()?,
                    "columnNumber" => node.column = tokens.number()?,
                    _ => tokens.skip()?,
                }
            }
        }
        _ => tokens.skip()?,
    }
    Ok(())
}

fn rows(
    nodes: &[(Option<usize>, Node<'_>)],
    profile: &mut Profile,
    limits: &Limits,
    bytes: &[u8],
) -> Result<(), ReadError> {
    let mut locations: Vec<Option<LocationId>> = Vec::with_capacity(nodes.len());
    let mut known = std::collections::HashMap::new();
    for (parent, node) in nodes {
        let is_root = parent.is_none() && (node.name == ROOT || node.name.is_empty());
        let location = (!is_root).then(|| {
            let name = if node.name.is_empty() { ANONYMOUS } else { &node.name };
            let function = profile.add_function(name, name, &node.url);
            let column = u32::try_from(node.column.saturating_add(1)).unwrap_or(0);
            let line = Line { function, line: node.line.saturating_add(1).max(0), column };
            *known.entry(line).or_insert_with(|| profile.add_location(Location::symbolized(vec![line])))
        });
        locations.push(location);
        limits.check(bytes.len() as u64 + profile.heap_bytes())?;
    }
    let mut stack = Vec::new();
    for (at, (_, node)) in nodes.iter().enumerate().filter(|it| it.1.1.bytes != 0) {
        stack.clear();
        let mut next = Some(at);
        while let Some(at) = next {
            stack.extend(locations[at]);
            next = nodes[at].0;
        }
        profile.samples.push(&stack, &[node.bytes], &[]);
        limits.check(bytes.len() as u64 + profile.heap_bytes())?;
    }
    Ok(())
}

/// Whether a file is one of these, by keys that stand near its beginning.
pub(super) fn detect(json: &[u8]) -> bool {
    holds(head(json), b"\"head\"") && holds(head(json), b"\"callFrame\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, size: &str, children: &str) -> String {
        format!(
            "{{\"callFrame\":{{\"functionName\":\"{name}\",\"scriptId\":\"1\",\"url\":\"file:///a.js\",\"lineNumber\":6,\
             \"columnNumber\":8}},\"selfSize\":{size},\"id\":1,\"children\":[{children}]}}"
        )
    }

    fn file(head: &str) -> String {
        format!("{{\"head\":{head},\"samples\":[{{\"size\":1.5,\"nodeId\":3,\"ordinal\":1}}]}}")
    }

    fn read(text: &str) -> Result<Profile, ReadError> {
        decode(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn nodes_become_rows() {
        let leaves = [node("", "7", ""), node("b\\u00e9", "0", &node("c", "30", ""))].join(",");
        let profile = read(&file(&node("(root)", "0", &node("main", "100", &leaves)))).unwrap();
        let rows: Vec<(usize, i64)> =
            profile.samples.iter().map(|it| (it.stack.len(), it.values[0])).collect();
        assert_eq!(rows, [(1, 100), (2, 7), (3, 30)]);
        let names: Vec<&str> = profile.functions().iter().map(|it| profile.string(it.name)).collect();
        assert_eq!(names, ["main", "(anonymous)", "bé", "c"]);
        let line = profile.locations()[0].lines[0];
        assert_eq!((line.line, line.column), (7, 9));
    }

    #[test]
    fn deep_trees_are_read_and_too_deep_ones_refused() {
        let deep = |levels: usize| {
            let mut text = String::from("{\"head\":");
            (0..levels).for_each(|_| text.push_str("{\"selfSize\":0,\"children\":["));
            text.push_str("{\"selfSize\":5,\"children\":[]}");
            text.push_str(&"]}".repeat(levels));
            text + "}"
        };
        assert_eq!(read(&deep(20_000)).unwrap().samples.get(0).stack.len(), 20_000);
        assert!(read(&deep(70_000)).unwrap_err().to_string().contains("more than 65536 frames"));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let error = |text: &str| read(text).unwrap_err().to_string();
        assert!(error(&file("[]")).contains("line 1: an object was expected"), "{}", error(&file("[]")));
        assert!(error(&file(&node("a", "-1", ""))).contains("selfSize is -1"));
        assert!(error(&file(&node("a", "1", "3"))).contains("a node was expected"));
        assert!(error("{\n\"head\":{\"selfSize\":1").contains("line 2: the file ends here"));
    }
}
