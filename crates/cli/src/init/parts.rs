//! Parts of a new project that its configuration has in every format.

use serde_json::{Value, json};

/// Where the Worker's own endpoints are if an API is behind it.
pub(super) const PREFIX: &str = "/_assay";

/// The fields of the route that puts an API behind the Worker.
pub(super) fn route(upstream: &str) -> [(&'static str, Value); 3] {
    [("path", json!("/*")), ("upstream", json!(upstream)), ("headers", json!({ "x-user-id": "/sub" }))]
}

/// The program of the project.
pub(super) const MAIN: &str = "src/index.js";

/// The blocks of the shipped `wrangler.toml` that a project takes over.
pub(super) fn blocks(shipped: &str) -> impl Iterator<Item = &str> {
    shipped.split("\n\n").filter(|block| {
        let is_comment = block.lines().all(|line| line.starts_with('#') || line.is_empty());
        !block.contains("[build]") && (!is_comment || is_coordinator(block))
    })
}

/// Whether a block is the binding of the coordinator, all of which is a comment.
pub(super) fn is_coordinator(block: &str) -> bool {
    block.contains("COORDINATOR")
}
