//! The table of limits on the page about security: each is a setting, with the default that the program has.

use super::generated::keep_between;
use millrace::settings::Settings;
use serde_json::Value;
use std::fmt::Write;

/// What is held to which settings. A limit that becomes a constant again is no setting any more, and fails here.
const LIMITS: &[(&str, &[&str])] = &[
    (
        "connections",
        &[
            "http.connections_max",
            "http.connections_per_address_max",
            "http.head_ms_max",
            "http.body_ms_max",
            "http.idle_ms_max",
            "http.write_ms_max",
        ],
    ),
    (
        "requests and answers",
        &["http.body_bytes_max", "http.request_ms_max", "http.errors_max", "http.answer_bytes_max"],
    ),
    (
        "documents",
        &[
            "limits.query_bytes_max",
            "limits.tokens_max",
            "limits.nesting_max",
            "limits.depth_max",
            "limits.aliases_max",
            "limits.root_fields_max",
            "limits.mutations_max",
            "limits.sign_ins_max",
            "limits.directives_max",
            "limits.fragments_max",
            "limits.selections_max",
            "limits.operations_max",
            "limits.variables_max",
            "limits.variable_depth_max",
            "limits.list_items_max",
            "limits.cost_max",
            "limits.subscription_cost_max",
            "budget.points_max",
        ],
    ),
    (
        "sockets and event streams",
        &[
            "http.sockets_max",
            "http.sockets_per_address_max",
            "http.sockets_per_viewer_max",
            "http.operations_per_socket_max",
            "http.operations_per_viewer_max",
            "http.operations_per_address_max",
        ],
    ),
    ("live subscriptions", &["live.subscribers_max", "live.topics_per_subscriber_max", "live.waiting_changes_max"]),
    (
        "what goes over a socket",
        &[
            "http.socket_messages_per_s_max",
            "http.socket_messages_burst_max",
            "http.socket_message_bytes_max",
            "http.socket_queue_messages_max",
            "http.socket_queue_bytes_max",
            "http.socket_init_ms_max",
            "http.socket_ping_ms",
            "http.socket_silence_ms_max",
        ],
    ),
    (
        "guesses",
        &[
            "attempts.window_s",
            "attempts.sign_ins_per_account_and_address_max",
            "attempts.sign_ins_per_account_max",
            "attempts.sign_ins_per_address_max",
            "attempts.sign_ins_max",
            "attempts.id_tokens_per_address_max",
            "attempts.resets_per_account_max",
            "mail.unproven_per_day_max",
        ],
    ),
    (
        "passwords that are hashed",
        &[
            "auth.password_hashes_at_once_max",
            "auth.password_hashes_waiting_max",
            "auth.password_wait_ms_max",
            "attempts.new_passwords_per_account_and_address_max",
            "attempts.new_passwords_per_address_max",
            "attempts.new_passwords_max",
        ],
    ),
    (
        "reads that wait",
        &["http.consistency_wait_ms_max", "http.waiting_reads_max", "http.waiting_reads_per_viewer_max"],
    ),
    ("commands", &["command.transaction_ms_max"]),
    ("exports", &["exports.at_once_max", "exports.time_ms_max", "exports.piece_ms_max"]),
];

#[test]
fn every_limit_is_a_setting() {
    let defaults = serde_json::to_value(Settings::default()).expect("JSON");
    let mut rows = String::new();
    for (what, keys) in LIMITS {
        let limits = keys.iter().map(|key| format!("`{key}` {}", default(&defaults, key)));
        writeln!(rows, "| {what} | {} |", limits.collect::<Vec<_>>().join(", ")).expect("a text");
    }
    let head = "| of what | settings, and what they are unless set |\n|---|---|";
    keep_between("security.md", head, "\nConstants are ", &rows);
}

fn default<'a>(defaults: &'a Value, key: &str) -> &'a Value {
    let (section, name) = key.split_once('.').expect("a section and a name");
    let value = &defaults[section][name];
    assert!(value.is_u64(), "{key} is no setting with a number: {value}");
    value
}
