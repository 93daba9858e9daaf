use super::*;
use crate::name::Name;
use proptest::prelude::*;

fn request(method: &str, path: &str) -> Bag {
    let mut bag = Bag::new();
    if !method.is_empty() {
        bag.set_string(names::REQUEST_METHOD, method);
    }
    bag.set_string(names::REQUEST_PATH, path);
    bag
}

fn attributes(operation: &str) -> Bag {
    let mut bag = Bag::new();
    bag.set_string(Name::intern("api.operation"), operation);
    bag
}

fn pattern(method: &str, path: PathPattern, operation: &str) -> HttpApiSpecPattern {
    HttpApiSpecPattern { attributes: attributes(operation), http_method: method.to_owned(), path }
}

fn templates(list: &[(&str, &str)]) -> ApiSpecs {
    let patterns = list
        .iter()
        .map(|(method, template)| {
            pattern(method, PathPattern::UriTemplate((*template).to_owned()), &format!("{method} {template}"))
        })
        .collect();
    ApiSpecs::compile(&[HttpApiSpec { patterns, ..HttpApiSpec::default() }]).unwrap()
}

fn operation(specs: &ApiSpecs, method: &str, path: &str) -> Option<String> {
    let mut bag = request(method, path);
    specs.apply(&mut bag);
    text(&bag, Name::intern("api.operation")).map(str::to_owned)
}

#[test]
fn the_most_precise_template_wins() {
    let specs = templates(&[
        ("GET", "/**"),
        ("GET", "/shelves/*"),
        ("GET", "/shelves/all"),
        ("GET", "/shelves/{shelf}/books/{book}"),
        ("GET", "/files/**/meta"),
        ("GET", "/"),
    ]);
    for (path, expected) in [
        ("/shelves/all", "/shelves/all"),
        ("/shelves/all?x=/shelves/1", "/shelves/all"),
        ("/shelves/1", "/shelves/*"),
        ("/shelves/1/", "/shelves/*"),
        ("/shelves/all/books/2", "/shelves/{shelf}/books/{book}"),
        ("/shelves/1/2/3", "/**"),
        ("/files/meta", "/files/**/meta"),
        ("/files/a/b/meta", "/files/**/meta"),
        ("/files/a/b", "/**"),
        ("/", "/"),
        ("//", "/"),
    ] {
        assert_eq!(operation(&specs, "GET", path), Some(format!("GET {expected}")), "{path}");
    }
    assert_eq!(operation(&specs, "POST", "/shelves/all"), None);
    assert_eq!(operation(&specs, "GET", "shelves"), None);
}

#[test]
fn a_search_that_leads_nowhere_goes_back() {
    let specs = templates(&[("GET", "/a/b/x"), ("GET", "/a/*/y"), ("GET", "/*/b/z")]);
    assert_eq!(operation(&specs, "GET", "/a/b/y").as_deref(), Some("GET /a/*/y"));
    assert_eq!(operation(&specs, "GET", "/a/b/z").as_deref(), Some("GET /*/b/z"));
    assert_eq!(operation(&specs, "GET", "/a/b"), None);
}

#[test]
fn any_method_stands_back_behind_the_method_itself() {
    let specs = templates(&[("*", "/a"), ("GET", "/a")]);
    assert_eq!(operation(&specs, "GET", "/a").as_deref(), Some("GET /a"));
    assert_eq!(operation(&specs, "PUT", "/a").as_deref(), Some("* /a"));
}

#[test]
fn a_verb_counts_only_where_a_template_has_it() {
    let specs = templates(&[("GET", "/a/*:read"), ("GET", "/a/*")]);
    assert_eq!(operation(&specs, "GET", "/a/1:read").as_deref(), Some("GET /a/*:read"));
    assert_eq!(operation(&specs, "GET", "/a/1:other").as_deref(), Some("GET /a/*"));
    assert_eq!(operation(&specs, "GET", "/a/1").as_deref(), Some("GET /a/*"));
}

#[test]
fn a_field_may_span_segments() {
    let specs = templates(&[("GET", "/{name=shelves/*/books/**}"), ("GET", "/{a.b=x}/y")]);
    assert!(operation(&specs, "GET", "/shelves/1/books/2/3").is_some());
    assert!(operation(&specs, "GET", "/x/y").is_some());
    assert!(operation(&specs, "GET", "/z/y").is_none());
}

#[test]
fn of_equal_templates_the_first_counts() {
    let uri = |text: &str| PathPattern::UriTemplate(text.to_owned());
    let patterns = vec![pattern("GET", uri("/{a}"), "first"), pattern("GET", uri("/*"), "second")];
    let specs = ApiSpecs::compile(&[HttpApiSpec { patterns, ..HttpApiSpec::default() }]).unwrap();
    assert_eq!(operation(&specs, "GET", "/x").as_deref(), Some("first"));
}

#[test]
fn a_template_of_another_form_is_refused_with_its_place() {
    for template in
        ["", "a", "/a//b", "/{a", "/{a}b", "/{term:1}", "/{?q*,lang}", "/a*", "/**/*", "/**/a/**", "/a:", "/{}"]
    {
        let patterns = vec![pattern("GET", PathPattern::UriTemplate(template.to_owned()), "")];
        let error = ApiSpecs::compile(&[HttpApiSpec { patterns, ..HttpApiSpec::default() }]).unwrap_err();
        assert_eq!(error.path, "http_api_spec[0].patterns[0].uri_template", "{template}");
    }
}

#[test]
fn every_regular_expression_that_matches_adds_its_attributes_over_the_others() {
    let regex = |text: &str| PathPattern::Regex(text.to_owned());
    let patterns = vec![
        pattern("GET", PathPattern::UriTemplate("/a".to_owned()), "template"),
        pattern("GET", regex("/a\\?x=[0-9]"), "regex"),
        pattern("PUT", regex(".*"), "other method"),
    ];
    let spec = HttpApiSpec { patterns, attributes: attributes("spec"), ..HttpApiSpec::default() };
    let specs = ApiSpecs::compile(&[spec]).unwrap();
    assert_eq!(operation(&specs, "GET", "/a?x=1").as_deref(), Some("regex"));
    assert_eq!(operation(&specs, "GET", "/a?x=12").as_deref(), Some("template"));
    assert_eq!(operation(&specs, "GET", "/b").as_deref(), Some("spec"));
    assert_eq!(operation(&specs, "PUT", "/b").as_deref(), Some("other method"));
    assert_eq!(operation(&specs, "", "/a"), None, "without a method no attribute is set");
}

#[test]
fn the_first_place_with_an_api_key_counts() {
    let request = |query: &[(&str, &str)], headers: &[(&str, &str)]| {
        let mut bag = request("GET", "/");
        bag.set_map(names::REQUEST_QUERY_PARAMS, query.iter().copied());
        bag.set_map(names::REQUEST_HEADERS, headers.iter().copied());
        bag
    };
    let key = |specs: &ApiSpecs, mut bag: Bag| {
        specs.apply(&mut bag);
        text(&bag, names::REQUEST_API_KEY).map(str::to_owned)
    };
    let cookie = ("cookie", "a=b; session=\"c\"; session=d");
    let default = ApiSpecs::compile(&[HttpApiSpec::default()]).unwrap();
    assert_eq!(key(&default, request(&[("api_key", "q")], &[("x-api-key", "h")])).as_deref(), Some("q"));
    assert_eq!(key(&default, request(&[], &[("x-api-key", "h"), cookie])).as_deref(), Some("h"));
    assert_eq!(key(&default, request(&[], &[cookie])), None);
    let api_keys = vec![ApiKey::Cookie("session".to_owned()), ApiKey::Header("X-API-Key".to_owned())];
    let given = ApiSpecs::compile(&[HttpApiSpec { api_keys, ..HttpApiSpec::default() }]).unwrap();
    assert_eq!(key(&given, request(&[], &[("x-api-key", "h"), cookie])).as_deref(), Some("c"));
    assert_eq!(key(&given, request(&[("key", "q")], &[("x-api-key", "h")])).as_deref(), Some("h"));
    let none = ApiSpecs::compile(&[]).unwrap();
    assert!(none.is_empty());
    assert_eq!(key(&none, request(&[("key", "q")], &[])), None);
}

proptest! {
    #[test]
    fn no_template_and_no_path_panics(template in "[/a*{}=:.é]{0,12}", path in "[/a:?é]{0,12}") {
        let patterns = vec![pattern("GET", PathPattern::UriTemplate(template), "found")];
        if let Ok(specs) = ApiSpecs::compile(&[HttpApiSpec { patterns, ..HttpApiSpec::default() }]) {
            operation(&specs, "GET", &path);
        }
    }
}
