use super::*;
use crate::config::Quota;
use crate::name::names;

fn clause(name: &str, text: StringMatch) -> AttributeMatch {
    AttributeMatch { clause: vec![(name.to_owned(), text)] }
}

fn rule(matches: Vec<AttributeMatch>, quotas: &[(&str, i64)]) -> QuotaRule {
    let quotas = quotas.iter().map(|(quota, charge)| Quota { quota: (*quota).to_owned(), charge: *charge });
    QuotaRule { matches, quotas: quotas.collect() }
}

fn needs(rules: Vec<QuotaRule>, bag: &Bag) -> Vec<(String, i64)> {
    let mut requirements = vec![Requirement { name: "stale".into(), charge: 1 }];
    QuotaRules::compile(&[QuotaSpec { rules }]).unwrap().requirements(bag, &mut requirements);
    requirements.into_iter().map(|requirement| (requirement.name.to_string(), requirement.charge)).collect()
}

fn bag() -> Bag {
    let mut bag = Bag::new();
    bag.set_string(names::REQUEST_METHOD, "GET");
    bag.set_string(names::REQUEST_PATH, "/books/1");
    bag.set_int64(names::DESTINATION_PORT, 80);
    bag.set_map(names::REQUEST_HEADERS, [("a", "b")]);
    bag
}

fn applies(matches: Vec<AttributeMatch>) -> bool {
    !needs(vec![rule(matches, &[("q", 1)])], &bag()).is_empty()
}

#[test]
fn a_rule_without_matches_and_an_empty_match_apply_to_everything() {
    assert!(applies(vec![]));
    assert!(applies(vec![AttributeMatch::default()]));
}

#[test]
fn texts_match_whole_by_prefix_or_by_pattern_with_their_case() {
    let path = |text| applies(vec![clause("request.path", text)]);
    assert!(path(StringMatch::Exact("/books/1".to_owned())));
    assert!(!path(StringMatch::Exact("/books".to_owned())));
    assert!(!path(StringMatch::Exact("/Books/1".to_owned())));
    assert!(path(StringMatch::Prefix("/books".to_owned())));
    assert!(!path(StringMatch::Prefix("books".to_owned())));
    assert!(path(StringMatch::Regex("/books/[0-9]+".to_owned())));
    assert!(path(StringMatch::Regex("x|/books/1".to_owned())));
    assert!(!path(StringMatch::Regex("books".to_owned())));
    assert!(!path(StringMatch::Regex("/books|1".to_owned())));
    assert!(path(StringMatch::Present));
}

#[test]
fn only_attributes_of_type_string_match() {
    for name in ["destination.port", "request.headers", "request.http_method"] {
        assert!(!applies(vec![clause(name, StringMatch::Present)]), "{name}");
    }
}

#[test]
fn all_clauses_of_any_match_must_hold() {
    let get = ("request.method".to_owned(), StringMatch::Exact("GET".to_owned()));
    let other = ("request.path".to_owned(), StringMatch::Exact("/other".to_owned()));
    let both = AttributeMatch { clause: vec![get.clone(), other] };
    assert!(!applies(vec![both.clone()]));
    assert!(applies(vec![both, AttributeMatch { clause: vec![get] }]));
}

#[test]
fn a_quota_named_by_several_rules_is_charged_their_sum() {
    let rules = vec![rule(vec![], &[("a", 1), ("b", 2)]), rule(vec![], &[("a", 3), ("c", -1)])];
    assert_eq!(needs(rules, &bag()), [("a".to_owned(), 4), ("b".to_owned(), 2), ("c".to_owned(), 0)]);
}

#[test]
fn a_pattern_that_does_not_compile_is_named() {
    let rules = vec![rule(vec![clause("request.path", StringMatch::Regex("(".to_owned()))], &[("a", 1)])];
    let error = QuotaRules::compile(&[QuotaSpec { rules }]).unwrap_err();
    assert_eq!(error.path, "quota_spec[0].rules[0].match[0].clause[\"request.path\"].regex");
}
