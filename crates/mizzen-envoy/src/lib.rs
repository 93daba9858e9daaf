//! The Envoy dynamic module of Mizzen.
