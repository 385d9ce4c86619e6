//! GraphiQL at `/`: the built playground from its folder, or a small page when it was not built.

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use std::path::Path;
use tower::ServiceBuilder;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

const FALLBACK: &str = include_str!("../../web-playground/fallback.html");
/// Nothing from elsewhere: scripts, styles, workers and connections of this origin only. Monaco sets inline styles.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; worker-src 'self'; font-src 'self' data:; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
/// The small page has its script and style inline, and nothing else.
const FALLBACK_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);
/// Built files carry a hash of their content in their name.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

/// The routes of the playground.
pub fn routes(folder: &Path) -> Router {
    if !folder.join("index.html").is_file() {
        return Router::new().route("/", get(fallback));
    }
    let assets = ServiceBuilder::new()
        .layer(SetResponseHeaderLayer::overriding(header::CACHE_CONTROL, IMMUTABLE))
        .service(ServeDir::new(folder.join("assets")));
    let policy = SetResponseHeaderLayer::overriding(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    let nosniff =
        SetResponseHeaderLayer::overriding(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let pages = ServiceBuilder::new()
        .layer(SetResponseHeaderLayer::overriding(header::CACHE_CONTROL, REVALIDATE))
        .service(ServeDir::new(folder));
    Router::new().nest_service("/assets", assets).fallback_service(pages).layer(policy).layer(nosniff)
}

async fn fallback() -> impl IntoResponse {
    ([(header::CONTENT_SECURITY_POLICY, FALLBACK_POLICY), (header::CACHE_CONTROL, REVALIDATE)], Html(FALLBACK))
}
