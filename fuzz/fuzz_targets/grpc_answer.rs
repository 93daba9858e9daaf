//! The pieces of a gRPC answer in any order and of any content. Lines of the input are pieces: `h`, `d` or `t`, then
//! the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mizzen_client::grpc::{Answer, frame, unframe};

fuzz_target!(|data: &[u8]| {
    let answer = || {
        let mut answer = Answer::new();
        for piece in data.split(|byte| *byte == b'\n') {
            match piece.split_first() {
                Some((b'h', field)) => answer.headers([halves(field)]),
                Some((b't', field)) => answer.trailers([halves(field)]),
                Some((_, bytes)) => answer.data(bytes),
                None => {}
            }
        }
        answer
    };
    let outcomes = [
        answer().complete(),
        answer().complete_without_trailers(),
        answer().interrupted(true),
        answer().interrupted(false),
    ];
    for outcome in outcomes {
        if let Err(failure) = outcome.result {
            assert_ne!(failure.status.code, 0);
            let _ = (failure.status.to_text(), failure.status.http_code(), failure.is_invalid_dictionary());
        }
    }
    let _ = unframe(data);
    assert_eq!(unframe(&frame(data)), Ok(data));
});

fn halves(field: &[u8]) -> (&[u8], &[u8]) {
    match field.iter().position(|byte| *byte == b'=') {
        Some(equals) => (&field[..equals], &field[equals + 1..]),
        None => (field, b""),
    }
}
