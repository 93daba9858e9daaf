//! Prints what a request costs in this crate: filling a bag, adding it to a report batch, encoding a Check.
//!
//! `cargo run --release -p mizzen-client --example report_cost`; with a number behind `--`, that many batches instead
//! of 2000, for a profiler that counts instructions.

use mizzen_client::dictionary::WordLimit;
use mizzen_client::encode::encode_check_request;
use mizzen_client::report::{Encoding, ReportEncoder};
use mizzen_client::{Bag, Time, names};
use std::hint::black_box;
use std::time::{Duration, Instant};

const BATCH: usize = 100;
const REPEATS: usize = 5;

const REQUEST_HEADERS: [(&str, &str); 14] = [
    (":authority", "shop.example.com"),
    (":method", "GET"),
    (":path", "/catalog/items/1042?currency=eur&lang=en"),
    (":scheme", "http"),
    ("accept", "application/json"),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", "en"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"),
    ("x-forwarded-for", "10.12.0.7"),
    ("x-forwarded-proto", "http"),
    ("x-envoy-internal", "true"),
    ("cookie", "session=0123456789abcdef0123456789abcdef; theme=dark"),
    ("x-b3-traceid", "463ac35c9f6413ad48485a3953bb6124"),
    ("x-request-id", ""),
];

const RESPONSE_HEADERS: [(&str, &str); 6] = [
    (":status", "200"),
    ("content-type", "application/json"),
    ("content-length", "512"),
    ("server", "envoy"),
    ("date", "Mon, 05 Jan 2026 10:00:00 GMT"),
    ("x-envoy-upstream-service-time", "3"),
];

/// About thirty attributes of an ordinary request; the request id and some numbers differ from one to the next.
fn fill(bag: &mut Bag, number: usize) {
    let mut id = *b"7f3a0c52-0000-4000-8000-000000000000";
    let mut rest = number;
    for digit in id[24..].iter_mut().rev() {
        *digit = b"0123456789abcdef"[rest % 16];
        rest /= 16;
    }
    let id = std::str::from_utf8(&id).unwrap_or_default();
    let headers = REQUEST_HEADERS.into_iter().map(|(key, value)| (key, if value.is_empty() { id } else { value }));
    bag.set_map(names::REQUEST_HEADERS, headers);
    bag.set_string(names::REQUEST_HOST, "shop.example.com");
    bag.set_string(names::REQUEST_METHOD, "GET");
    bag.set_string(names::REQUEST_PATH, "/catalog/items/1042?currency=eur&lang=en");
    bag.set_string(names::REQUEST_URL_PATH, "/catalog/items/1042");
    bag.set_map(names::REQUEST_QUERY_PARAMS, [("currency", "eur"), ("lang", "en")]);
    bag.set_string(names::REQUEST_SCHEME, "http");
    bag.set_string(names::REQUEST_USERAGENT, REQUEST_HEADERS[7].1);
    bag.set_timestamp(names::REQUEST_TIME, Time { seconds: 1_767_600_000, nanos: number as i32 });
    bag.set_string(names::CONTEXT_PROTOCOL, "http");
    bag.set_bool(names::CONNECTION_MTLS, false);
    bag.set_bytes(names::ORIGIN_IP, &[10, 12, 0, 7]);
    bag.set_bool(names::CHECK_CACHE_HIT, true);
    bag.set_bool(names::QUOTA_CACHE_HIT, false);
    bag.set_bytes(names::DESTINATION_IP, &[10, 12, 0, 9]);
    bag.set_int64(names::DESTINATION_PORT, 8080);
    bag.set_map(names::RESPONSE_HEADERS, RESPONSE_HEADERS);
    bag.set_timestamp(names::RESPONSE_TIME, Time { seconds: 1_767_600_000, nanos: 4_000_000 + number as i32 });
    bag.set_int64(names::REQUEST_SIZE, 0);
    bag.set_int64(names::RESPONSE_SIZE, 512);
    bag.set_int64(names::REQUEST_TOTAL_SIZE, 620);
    bag.set_int64(names::RESPONSE_TOTAL_SIZE, 700);
    bag.set_duration(names::RESPONSE_DURATION, Time { seconds: 0, nanos: 3_000_000 + number as i32 });
    bag.set_int64(names::RESPONSE_CODE, 200);
    bag.set_string(names::CONTEXT_PROXY_ERROR_CODE, "-");
}

fn main() {
    let mut fixed = Bag::new();
    for (name, value) in [
        (names::DESTINATION_UID, "kubernetes://shop-1.store"),
        (names::DESTINATION_NAMESPACE, "store"),
        (names::CONTEXT_REPORTER_UID, "kubernetes://shop-1.store"),
        (names::CONTEXT_REPORTER_KIND, "inbound"),
        (names::DESTINATION_SERVICE_HOST, "shop.store.svc.cluster.local"),
        (names::DESTINATION_SERVICE_NAME, "shop"),
        (names::DESTINATION_SERVICE_NAMESPACE, "store"),
    ] {
        fixed.set_string(name, value);
    }
    let mut bag = Bag::new();
    let build = |bag: &mut Bag, number| {
        bag.clone_from(&fixed);
        fill(bag, number);
    };
    let mut encoder = ReportEncoder::new(WordLimit::FULL, Encoding::Independent);
    measure("fill a bag", |number| {
        build(&mut bag, number);
        black_box(&bag);
    });
    println!("  ({} attributes)", bag.len());
    measure("push it into a batch", |number| {
        let _ = encoder.push(&bag);
        if number % BATCH == BATCH - 1 {
            black_box(encoder.finish());
        }
    });
    measure("fill and push", |number| {
        build(&mut bag, number);
        let _ = encoder.push(&bag);
        if number % BATCH == BATCH - 1 {
            black_box(encoder.finish());
        }
    });
    measure("encode a Check", |_| {
        black_box(encode_check_request(&bag, WordLimit::FULL, "5f0c1b0e-0000-4000-8000-00000000000142", &[]));
    });
}

fn rounds() -> usize {
    std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(2000)
}

/// Prints the best of some repeats: the others were disturbed.
fn measure(what: &str, mut once: impl FnMut(usize)) {
    let mut best = Duration::MAX;
    for _ in 0..REPEATS {
        let start = Instant::now();
        for number in 0..BATCH * rounds() {
            once(number);
        }
        best = best.min(start.elapsed());
    }
    println!("{what:<24}{:>8.0} ns", best.as_nanos() as f64 / (BATCH * rounds()) as f64);
}
