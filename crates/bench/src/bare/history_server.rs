//! A process that answers order histories by a JOIN in PostgreSQL and does nothing else: axum, a pool, one prepared statement for each
//! request, whose one value is the answer as PostgreSQL itself writes it. It asks nobody who they are.

use super::server;
use crate::error::BenchError;
use crate::plan::{HISTORY, HISTORY_SERVER_CONNECTIONS};
use crate::world::ids;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sqlx::postgres::{PgPool, PgPoolOptions};

/// What it says that it serves.
pub const WHAT: &str = "histories";
/// Where it is told the address of PostgreSQL, which has a password in it.
pub const URL_VARIABLE: &str = "MILLRACE_BENCH_POSTGRES";

/// How an answer begins, with the blanks that PostgreSQL puts between.
pub const BEGIN: &[u8] = br#"{"data" : {"viewer" : {"orders" : {"totalCount" : "#;

/// What `viewer.orders` shows, out of the rows that commands write: the very same answer, but for blanks and the order of fields. An id is
/// 5 for an order and the UUID's bytes; delivery is three working days after the payment, by the day of the week that this was on.
const HISTORY_OF: &str = "
    SELECT json_build_object('data', json_build_object('viewer', json_build_object('orders', json_build_object(
        'totalCount', (SELECT count(*) FROM orders WHERE customer_id = $1),
        'nodes', (SELECT json_agg(page) FROM (
            SELECT translate(encode(E'\\\\x05'::bytea || uuid_send(o.id), 'base64'), '+/=', '-_') AS id,
                upper(o.status) AS status, (to_json(o.created_at AT TIME ZONE 'UTC') #>> '{}') || 'Z' AS \"orderDate\",
                paid.on_day + (ARRAY[3, 3, 5, 5, 5, 4, 3])[extract(isodow FROM paid.on_day)::integer] AS \"estimatedDelivery\",
                json_build_object('amountMinor', o.total_minor::text, 'currency', o.currency) AS \"totalPrice\",
                (SELECT json_agg(json_build_object('productName', p.name, 'quantity', l.quantity, 'totalPrice', json_build_object(
                        'amountMinor', (l.quantity * l.price_minor)::text, 'currency', o.currency)) ORDER BY l.place)
                    FROM order_lines l JOIN products p ON p.id = l.product_id WHERE l.order_id = o.id) AS lines
            FROM orders o
            JOIN (SELECT order_id, (at AT TIME ZONE 'UTC')::date AS on_day FROM ledger_transactions WHERE cause = 'payment') paid
                ON paid.order_id = o.id
            WHERE o.customer_id = $1 ORDER BY o.created_at DESC, o.id DESC LIMIT $2) page)))))::text";

/// The path of a customer's history here.
pub fn path(customer: usize) -> String {
    format!("/history/{customer}")
}

/// Serves until SIGTERM.
pub async fn serve() -> Result<(), BenchError> {
    let url = std::env::var(URL_VARIABLE).map_err(|_| BenchError::Missing(URL_VARIABLE))?;
    let pool = PgPoolOptions::new().max_connections(HISTORY_SERVER_CONNECTIONS).test_before_acquire(false);
    let pool = pool.connect(&url).await?;
    let router = Router::new().route("/history/{customer}", get(history)).with_state(pool);
    server::serve(WHAT, router).await
}

async fn history(State(pool): State<PgPool>, Path(customer): Path<u32>) -> Response {
    let asked = sqlx::query_scalar::<_, String>(HISTORY_OF).bind(ids::user(customer).0).bind(i64::from(HISTORY));
    match asked.fetch_one(&pool).await {
        Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}
