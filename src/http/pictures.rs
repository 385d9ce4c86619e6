//! `/demo/pictures/…`: the demo shop's pictures, drawn when they are asked for. Only where the playground is served.

use crate::seed;
use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// An SVG can hold scripts; these have none, and none would run.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");
const FOR_A_DAY: HeaderValue = HeaderValue::from_static("public, max-age=86400");
const SVG: HeaderValue = HeaderValue::from_static("image/svg+xml");

/// The route of the pictures.
pub fn routes() -> Router {
    Router::new().route(&format!("{}{{name}}", seed::PICTURES_PATH), get(show))
}

async fn show(Path(name): Path<String>) -> Response {
    let Some(picture) = seed::picture(&name) else { return StatusCode::NOT_FOUND.into_response() };
    let headers =
        [(header::CONTENT_TYPE, SVG), (header::CONTENT_SECURITY_POLICY, POLICY), (header::CACHE_CONTROL, FOR_A_DAY)];
    (headers, picture).into_response()
}
