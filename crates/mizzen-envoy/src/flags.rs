//! Response flags as the letters that `context.proxy_error_code` carries.

/// The bit number of each flag in Envoy's mask is its place in this list. The first eighteen are those that Istio 1.x proxies had.
const LETTERS: [&str; 30] = [
    "LH", "UH", "UT", "LR", "UR", "UF", "UC", "UO", "NR", "DI", "FI", "RL", "UAEX", "RLSE", "DC", "URX", "SI", "IH",
    "DPE", "UMSDR", "RFCF", "NFCF", "DT", "UPE", "NC", "OM", "DF", "DO", "DR", "UDO",
];

/// The mask bit of "unauthorized external service": the Mixer refused the request.
pub(crate) const UAEX: u64 = 1 << 12;

/// Hands the letters of all set flags to `read`, joined by commas, `-` for none.
pub(crate) fn with_letters<R>(mask: u64, read: impl FnOnce(&str) -> R) -> R {
    match mask {
        0 => read("-"),
        mask if mask.is_power_of_two() => read(LETTERS.get(mask.trailing_zeros() as usize).copied().unwrap_or("-")),
        mask => {
            let set = |(bit, letters): (usize, &'static str)| (mask >> bit & 1 == 1).then_some(letters);
            let all: Vec<&str> = LETTERS.into_iter().enumerate().filter_map(set).collect();
            let joined = all.join(",");
            read(if all.is_empty() { "-" } else { &joined })
        }
    }
}
