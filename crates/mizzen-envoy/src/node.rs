//! The proxy this module runs in, as the bootstrap extension's configuration names it.

use std::sync::{OnceLock, PoisonError, RwLock};

use mizzen_client::node::LocalNode;
use serde_json::Value;

use crate::ffi::{Level, log};

static NODE: RwLock<Option<&'static LocalNode>> = RwLock::new(None);
static UNKNOWN: OnceLock<LocalNode> = OnceLock::new();

/// Reads `{"node": {"id": TEXT, "metadata": {"NODE_UID": TEXT, "NODE_NAMESPACE": TEXT}}}`, where everything may be left out, and keeps it for [`local`].
/// The error names the field, its value and what is accepted.
pub(crate) fn load(text: &[u8]) -> Result<(), String> {
    let config = match text {
        [] => Value::Null,
        text => serde_json::from_slice(text).map_err(|error| format!("is not JSON: {error}"))?,
    };
    let node = object(&config, "node", &["node"])?;
    let metadata = object(node, "metadata", &["id", "metadata"]).map_err(|error| format!("node: {error}"))?;
    let id = string(node, "id").map_err(|error| format!("node.{error}"))?;
    let uid = string(metadata, "NODE_UID").map_err(|error| format!("node.metadata.{error}"))?;
    let namespace = string(metadata, "NODE_NAMESPACE").map_err(|error| format!("node.metadata.{error}"))?;
    let node = LocalNode::from_node(id.unwrap_or_default(), uid, namespace);
    if !node.is_known() {
        let accepted = "an id TYPE~IP~NAME.NAMESPACE~DOMAIN, or metadata NODE_UID and NODE_NAMESPACE";
        log(Level::Warn, &format!("mizzen: the node is sent without uid and namespace; accepted: {accepted}"));
    }
    // one node per process and load, referred to by every configuration that follows
    *NODE.write().unwrap_or_else(PoisonError::into_inner) = Some(Box::leak(Box::new(node)));
    Ok(())
}

/// The local node; one without uid and namespace if no bootstrap extension is configured.
pub(crate) fn local() -> &'static LocalNode {
    let known = *NODE.read().unwrap_or_else(PoisonError::into_inner);
    known.unwrap_or_else(|| UNKNOWN.get_or_init(|| LocalNode::from_node("", None, None)))
}

static NULL: Value = Value::Null;

/// The member `name` of `parent`, which may have the members `known` only.
fn object<'v>(parent: &'v Value, name: &str, known: &[&str]) -> Result<&'v Value, String> {
    let members = match parent {
        Value::Null => return Ok(&NULL),
        Value::Object(members) => members,
        other => return Err(format!("{other}: an object is accepted")),
    };
    if let Some(unknown) = members.keys().find(|member| !known.contains(&member.as_str())) {
        return Err(format!("{unknown}: is not known; accepted: {}", known.join(", ")));
    }
    match members.get(name) {
        None => Ok(&NULL),
        Some(member @ (Value::Object(_) | Value::Null)) => Ok(member),
        Some(other) => Err(format!("{name}: {other}: an object is accepted")),
    }
}

fn string<'v>(parent: &'v Value, name: &str) -> Result<Option<&'v str>, String> {
    match parent.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(format!("{name}: {other}: a string is accepted")),
    }
}
