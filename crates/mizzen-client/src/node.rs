//! The local node: which workload this proxy stands for.

use crate::bag::Bag;
use crate::name::names;

/// The identity that every bag of this proxy carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalNode {
    /// For instance `kubernetes://web-1.demo`; may be empty.
    pub uid: String,
    /// The workload's namespace; may be empty.
    pub namespace: String,
}

impl LocalNode {
    /// The node's identity from its metadata `NODE_UID` and `NODE_NAMESPACE`, which count only together, else from its
    /// id of the form `TYPE~IP~POD.NAMESPACE~DOMAIN`; empty if neither tells.
    ///
    /// Source: istio/proxy 1.4, `ExtractNodeInfo`. It takes the second dot part as the namespace, whatever follows.
    pub fn from_node(id: &str, metadata_uid: Option<&str>, metadata_namespace: Option<&str>) -> LocalNode {
        if let (Some(uid), Some(namespace)) = (metadata_uid, metadata_namespace) {
            return LocalNode { uid: uid.to_owned(), namespace: namespace.to_owned() };
        }
        LocalNode::from_id(id).unwrap_or_default()
    }

    fn from_id(id: &str) -> Option<LocalNode> {
        let workload = id.split('~').nth(2)?;
        let namespace = workload.split('.').nth(1)?;
        Some(LocalNode { uid: format!("kubernetes://{workload}"), namespace: namespace.to_owned() })
    }

    /// Whether the node could be told at all.
    pub fn is_known(&self) -> bool {
        !self.uid.is_empty()
    }

    /// Sets the attributes that name this node: as the source of outbound traffic, as the destination of inbound
    /// traffic. They are sent even when empty.
    pub fn attributes(&self, outbound: bool, into: &mut Bag) {
        let (uid, namespace) = match outbound {
            true => (names::SOURCE_UID, names::SOURCE_NAMESPACE),
            false => (names::DESTINATION_UID, names::DESTINATION_NAMESPACE),
        };
        into.set_string(uid, &self.uid);
        into.set_string(namespace, &self.namespace);
        into.set_string(names::CONTEXT_REPORTER_UID, &self.uid);
    }

    /// Sets what an outbound proxy tells the next one about itself.
    pub fn forward(&self, into: &mut Bag) {
        into.set_string(names::SOURCE_UID, &self.uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::ValueRef;

    #[test]
    fn metadata_counts_only_as_a_pair_and_before_the_id() {
        let id = "sidecar~10.0.0.1~web-1.demo~demo.svc.cluster.local";
        for (uid, namespace, expected) in [
            (Some("kubernetes://other.ns"), Some("ns"), ("kubernetes://other.ns", "ns")),
            (Some("kubernetes://other.ns"), None, ("kubernetes://web-1.demo", "demo")),
            (None, Some("ns"), ("kubernetes://web-1.demo", "demo")),
            (None, None, ("kubernetes://web-1.demo", "demo")),
        ] {
            let node = LocalNode::from_node(id, uid, namespace);
            assert_eq!((node.uid.as_str(), node.namespace.as_str()), expected);
        }
    }

    #[test]
    fn an_id_that_does_not_tell_gives_empty_texts() {
        for (id, uid, namespace) in [
            ("", "", ""),
            ("local", "", ""),
            ("sidecar~10.0.0.1", "", ""),
            ("sidecar~10.0.0.1~web", "", ""),
            ("sidecar~10.0.0.1~web.demo", "kubernetes://web.demo", "demo"),
            ("sidecar~10.0.0.1~web.demo.extra~domain", "kubernetes://web.demo.extra", "demo"),
        ] {
            let node = LocalNode::from_node(id, None, None);
            assert_eq!((node.uid.as_str(), node.namespace.as_str()), (uid, namespace), "{id}");
            assert_eq!(node.is_known(), !uid.is_empty());
        }
    }

    #[test]
    fn attributes_depend_on_the_direction_and_are_set_even_when_empty() {
        let names_of = |outbound| {
            let mut bag = Bag::new();
            LocalNode::default().attributes(outbound, &mut bag);
            assert!(bag.iter().all(|(_, value)| value == ValueRef::String("")));
            bag.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(names_of(true), ["context.reporter.uid", "source.namespace", "source.uid"]);
        assert_eq!(names_of(false), ["context.reporter.uid", "destination.namespace", "destination.uid"]);
    }
}
