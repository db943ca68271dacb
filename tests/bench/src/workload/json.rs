//! A document of about 10 MB, parsed into a tree of values and dropped.

use std::fmt::Write;

use serde_json::Value;

use crate::failure::Failure;
use crate::random::Random;
use crate::totals::Totals;
use crate::work::Workload;

const DOCUMENT_BYTES: usize = 10_000_000;

/// Parsing the whole document, after dropping the tree of the last time, is one operation.
pub struct Json {
    text: String,
    tree: Value,
}

impl Json {
    /// Writes the document.
    pub fn new() -> Self {
        Self { text: document(), tree: Value::Null }
    }
}

impl Workload for Json {
    fn run(&mut self, operations: u64) -> Result<(), Failure> {
        for _ in 0..operations {
            self.tree = Value::Null;
            self.tree =
                serde_json::from_str(&self.text).map_err(|error| Failure::Input(error.to_string()))?;
        }
        Ok(())
    }

    fn own(&self) -> Option<Totals> {
        None
    }
}

/// Records with strings, numbers, lists and a nested object, as services exchange them.
fn document() -> String {
    let mut random = Random::new(11);
    let mut text = String::with_capacity(DOCUMENT_BYTES + 1024);
    text.push('[');
    while text.len() < DOCUMENT_BYTES {
        if text.len() > 1 {
            text.push(',');
        }
        let mut word = || format!("{:x}", random.next() >> (4 * (random.below(12) + 1)));
        let (name, street, city, tags) = (word(), word(), word(), [word(), word(), word()].join(r#"",""#));
        let (id, score) = (random.next() >> 20, random.below(1_000_000));
        // Writing to a string does not fail.
        let _ = write!(
            text,
            r#"{{"id":{id},"name":"{name}","email":"{name}@example.org","score":0.{score},"active":true,"#
        );
        let _ = write!(
            text,
            r#""tags":["{tags}"],"address":{{"street":"{street}","city":"{city}","number":{}}}}}"#,
            random.below(500)
        );
    }
    text.push(']');
    text
}
