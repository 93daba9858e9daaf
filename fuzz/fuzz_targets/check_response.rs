//! A CheckResponse, and the client that takes it for its answer: decided, remembered or not, and asked again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mizzen_client::decode::decode_check_response;
use mizzen_client::flow::{Client, Finished, Generation, Settings, Started};
use mizzen_client::instant::Instant;
use mizzen_client::quota::Requirement;
use mizzen_client::retry::CallPolicy;
use mizzen_client::{Bag, names};

fuzz_target!(|data: &[u8]| {
    let _ = decode_check_response(data);
    let mut bag = Bag::new();
    bag.set_string(names::REQUEST_PATH, "/a");
    bag.set_map(names::REQUEST_HEADERS, [("x-user", "ann"), (":path", "/a")]);
    bag.set_bytes(names::ORIGIN_IP, &[127, 0, 0, 1]);
    let quotas = [Requirement { name: "q".into(), charge: 1 }];
    let mut client = Client::new(Settings::default(), "fuzz");
    let policy = CallPolicy::default();
    for round in 0..4 {
        let now = Instant::from_millis(round * 700);
        match client.start(&bag, &quotas, &policy, now) {
            Started::Call(request) => {
                let finished = client.finish(request.ticket, &Ok(data.to_vec()), Generation::NONE, now, round);
                assert!(matches!(finished, Finished::Decided { .. }));
            }
            Started::Decided { refill: Some(request), .. } => {
                let finished = client.finish(request.ticket, &Ok(data.to_vec()), Generation::NONE, now, round);
                assert_eq!(finished, Finished::Settled);
            }
            Started::Decided { refill: None, .. } => {}
            Started::Joined(_) => unreachable!("no call is in flight"),
        }
    }
    assert_eq!(client.gauges().calls, 0);
});
