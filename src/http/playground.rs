//! The pages: GraphiQL at `/`, from its folder or a small one when it was not built, and the pipeline at `/pipeline`.

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Redirect};
use axum::routing::get;
use std::path::Path;
use tower::ServiceBuilder;
use tower_http::services::{ServeDir, ServeFile};
use tower_http::set_header::{SetResponseHeader, SetResponseHeaderLayer};

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

/// Which pages are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pages {
    /// GraphiQL at `/`.
    pub playground: bool,
    /// The pipeline at `/pipeline`.
    pub pipeline: bool,
}

/// The routes of these pages.
pub fn routes(folder: &Path, pages: Pages) -> Router {
    let mut router = Router::new();
    if !folder.join("index.html").is_file() {
        return if pages.playground { router.route("/", get(fallback)) } else { router };
    }
    if pages.pipeline {
        router = router.route_service("/pipeline", page(ServeFile::new(folder.join("pipeline.html"))));
    }
    // The file's own name leads to where the page may be, or may not.
    router = router.route("/pipeline.html", get(async || Redirect::permanent("/pipeline")));
    if pages.playground {
        router = router.fallback_service(page(ServeDir::new(folder)));
    }
    let assets = ServiceBuilder::new()
        .layer(SetResponseHeaderLayer::overriding(header::CACHE_CONTROL, IMMUTABLE))
        .service(ServeDir::new(folder.join("assets")));
    let policy = SetResponseHeaderLayer::overriding(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    router.nest_service("/assets", assets).layer(policy)
}

/// Pages name the built files that they want, so they are asked for again each time.
fn page<S>(service: S) -> SetResponseHeader<S, HeaderValue> {
    SetResponseHeader::overriding(service, header::CACHE_CONTROL, REVALIDATE)
}

async fn fallback() -> impl IntoResponse {
    ([(header::CONTENT_SECURITY_POLICY, FALLBACK_POLICY), (header::CACHE_CONTROL, REVALIDATE)], Html(FALLBACK))
}
