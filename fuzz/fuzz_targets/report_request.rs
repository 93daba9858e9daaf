//! A ReportRequest in both encodings, as both readers take it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mizzen_client::decode::{ReportReader, decode_report_request};
use mizzen_client::dictionary::WordLimit;
use mizzen_client::report::{Encoding, ReportEncoder};
use mizzen_client::server;

fuzz_target!(|data: &[u8]| {
    if let Ok(request) = server::ReportRequest::parse(data) {
        assert_eq!(request.records().len() + request.errors().len(), request.sent());
        for record in request.records() {
            let _ = request.message().attributes(record).count();
        }
    }
    if let Ok(mut reader) = ReportReader::new(data) {
        while reader.next_bag().is_some() {}
    }
    let Ok(request) = decode_report_request(data) else { return };
    // bags of a delta report may add up to much more than was sent
    let bags = &request.bags[..request.bags.len().min(16)];
    for encoding in [Encoding::Independent, Encoding::Delta] {
        let mut encoder = ReportEncoder::new(WordLimit::FULL, encoding);
        let mut written = 0;
        for bag in bags {
            if encoder.needs_new_batch(bag) {
                written += count(&encoder.finish());
            }
            encoder.push(bag).expect("an encoder that needs no new batch takes every bag");
        }
        written += count(&encoder.finish());
        assert_eq!(written, bags.len());
    }
});

fn count(message: &[u8]) -> usize {
    let read = decode_report_request(message).expect("what was written can be read");
    assert!(read.errors.is_empty());
    read.bags.len()
}
