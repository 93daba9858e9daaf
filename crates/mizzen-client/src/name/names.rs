//! Constants for the attribute names of the field, in upper snake case of the attribute's text.
//!
//! Every name of the global dictionary has one, and so have the names outside it that the filters set.

use super::Name;

/// Names outside the global dictionary that the filters set; they follow its words in the table.
pub(super) const BEYOND_DICTIONARY: [&str; 6] = [
    "origin.ip",
    "destination.mesh.id",
    "rbac.permissive.response_code",
    "rbac.permissive.effective_policy_id",
    "envoy.filters.network.mongo_proxy",
    "envoy.filters.http.rbac",
];

macro_rules! names {
    ($($constant:ident = $index:literal, $text:literal;)*) => {
        $(
            #[doc = concat!("`", $text, "`")]
            pub const $constant: Name = Name($index);
        )*

        #[cfg(test)]
        pub(super) const ALL: &[(Name, &str, &str)] = &[$(($constant, stringify!($constant), $text)),*];
    };
}

names! {
    SOURCE_IP = 0, "source.ip";
    SOURCE_PORT = 1, "source.port";
    SOURCE_NAME = 2, "source.name";
    SOURCE_UID = 3, "source.uid";
    SOURCE_NAMESPACE = 4, "source.namespace";
    SOURCE_LABELS = 5, "source.labels";
    SOURCE_USER = 6, "source.user";
    TARGET_IP = 7, "target.ip";
    TARGET_PORT = 8, "target.port";
    TARGET_SERVICE = 9, "target.service";
    TARGET_NAME = 10, "target.name";
    TARGET_UID = 11, "target.uid";
    TARGET_NAMESPACE = 12, "target.namespace";
    TARGET_LABELS = 13, "target.labels";
    TARGET_USER = 14, "target.user";
    REQUEST_HEADERS = 15, "request.headers";
    REQUEST_ID = 16, "request.id";
    REQUEST_PATH = 17, "request.path";
    REQUEST_HOST = 18, "request.host";
    REQUEST_METHOD = 19, "request.method";
    REQUEST_REASON = 20, "request.reason";
    REQUEST_REFERER = 21, "request.referer";
    REQUEST_SCHEME = 22, "request.scheme";
    REQUEST_SIZE = 23, "request.size";
    REQUEST_TIME = 24, "request.time";
    REQUEST_USERAGENT = 25, "request.useragent";
    RESPONSE_HEADERS = 26, "response.headers";
    RESPONSE_SIZE = 27, "response.size";
    RESPONSE_TIME = 28, "response.time";
    RESPONSE_DURATION = 29, "response.duration";
    RESPONSE_CODE = 30, "response.code";
    CONNECTION_ID = 125, "connection.id";
    CONNECTION_RECEIVED_BYTES = 126, "connection.received.bytes";
    CONNECTION_RECEIVED_BYTES_TOTAL = 127, "connection.received.bytes_total";
    CONNECTION_SENT_BYTES = 128, "connection.sent.bytes";
    CONNECTION_SENT_BYTES_TOTAL = 129, "connection.sent.bytes_total";
    CONNECTION_DURATION = 130, "connection.duration";
    CONTEXT_PROTOCOL = 131, "context.protocol";
    CONTEXT_TIMESTAMP = 132, "context.timestamp";
    CONTEXT_TIME = 133, "context.time";
    DESTINATION_IP = 150, "destination.ip";
    DESTINATION_PORT = 151, "destination.port";
    DESTINATION_SERVICE = 152, "destination.service";
    DESTINATION_NAME = 153, "destination.name";
    DESTINATION_UID = 154, "destination.uid";
    DESTINATION_NAMESPACE = 155, "destination.namespace";
    DESTINATION_LABELS = 156, "destination.labels";
    DESTINATION_USER = 157, "destination.user";
    SOURCE_SERVICE = 158, "source.service";
    API_SERVICE = 159, "api.service";
    API_VERSION = 160, "api.version";
    API_OPERATION = 161, "api.operation";
    API_PROTOCOL = 162, "api.protocol";
    REQUEST_AUTH_PRINCIPAL = 163, "request.auth.principal";
    REQUEST_AUTH_AUDIENCES = 164, "request.auth.audiences";
    REQUEST_AUTH_PRESENTER = 165, "request.auth.presenter";
    REQUEST_API_KEY = 166, "request.api_key";
    CHECK_ERROR_CODE = 167, "check.error_code";
    CHECK_ERROR_MESSAGE = 168, "check.error_message";
    REQUEST_TOTAL_SIZE = 169, "request.total_size";
    RESPONSE_TOTAL_SIZE = 170, "response.total_size";
    CONNECTION_EVENT = 171, "connection.event";
    CHECK_CACHE_HIT = 172, "check.cache_hit";
    QUOTA_CACHE_HIT = 173, "quota.cache_hit";
    SOURCE_PRINCIPAL = 174, "source.principal";
    REQUEST_AUTH_CLAIMS = 175, "request.auth.claims";
    REQUEST_AUTH_RAW_CLAIMS = 176, "request.auth.raw_claims";
    CONNECTION_MTLS = 177, "connection.mtls";
    SOURCE_METADATA = 178, "source.metadata";
    SOURCE_OWNER = 179, "source.owner";
    SOURCE_SERVICES = 180, "source.services";
    SOURCE_WORKLOAD_UID = 181, "source.workload.uid";
    SOURCE_WORKLOAD_NAME = 182, "source.workload.name";
    SOURCE_WORKLOAD_NAMESPACE = 183, "source.workload.namespace";
    DESTINATION_METADATA = 184, "destination.metadata";
    DESTINATION_OWNER = 185, "destination.owner";
    DESTINATION_PRINCIPAL = 186, "destination.principal";
    DESTINATION_WORKLOAD_UID = 187, "destination.workload.uid";
    DESTINATION_WORKLOAD_NAME = 188, "destination.workload.name";
    DESTINATION_WORKLOAD_NAMESPACE = 189, "destination.workload.namespace";
    DESTINATION_SERVICE_UID = 190, "destination.service.uid";
    DESTINATION_SERVICE_NAME = 191, "destination.service.name";
    DESTINATION_SERVICE_NAMESPACE = 192, "destination.service.namespace";
    DESTINATION_SERVICE_HOST = 193, "destination.service.host";
    DESTINATION_CONTAINER_NAME = 194, "destination.container.name";
    DESTINATION_CONTAINER_IMAGE = 195, "destination.container.image";
    CONTEXT_REPORTER_LOCAL = 196, "context.reporter.local";
    CONTEXT_REPORTER_UID = 197, "context.reporter.uid";
    RESPONSE_GRPC_STATUS = 198, "response.grpc_status";
    RESPONSE_GRPC_MESSAGE = 199, "response.grpc_message";
    CONTEXT_REPORTER_TYPE = 200, "context.reporter.type";
    CONTEXT_REPORTER_KIND = 201, "context.reporter.kind";
    CONNECTION_REQUESTED_SERVER_NAME = 202, "connection.requested_server_name";
    REQUEST_URL_PATH = 203, "request.url_path";
    REQUEST_QUERY_PARAMS = 204, "request.query_params";
    CONTEXT_PROXY_ERROR_CODE = 205, "context.proxy_error_code";
    CONTEXT_PROXY_VERSION = 221, "context.proxy_version";
    ORIGIN_IP = 222, "origin.ip";
    DESTINATION_MESH_ID = 223, "destination.mesh.id";
    RBAC_PERMISSIVE_RESPONSE_CODE = 224, "rbac.permissive.response_code";
    RBAC_PERMISSIVE_EFFECTIVE_POLICY_ID = 225, "rbac.permissive.effective_policy_id";
    ENVOY_FILTERS_NETWORK_MONGO_PROXY = 226, "envoy.filters.network.mongo_proxy";
    ENVOY_FILTERS_HTTP_RBAC = 227, "envoy.filters.http.rbac";
}
