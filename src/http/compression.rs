//! Answers are compressed where that is worth it and the client takes it: zstd, Brotli or gzip.
//!
//! Compressed requests are not taken (415): the limit of a body would have to hold for what comes out of it, and no client of GraphQL
//! compresses its questions. What a page of another origin could learn from an answer's length it learns of no signed-in viewer: they
//! are known by a header that only their own page can send.

use axum::body::HttpBody;
use axum::http::{Response, header};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::Predicate;

/// Compresses JSON of so many bytes and more; 0 compresses none.
pub fn layer(bytes_min: u64) -> CompressionLayer<Worthwhile> {
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(Worthwhile { bytes_min })
}

/// JSON whose length is known, and large. A stream of events has no length, and must not wait for more of it.
#[derive(Debug, Clone, Copy)]
pub struct Worthwhile {
    bytes_min: u64,
}

impl Predicate for Worthwhile {
    fn should_compress<B: HttpBody>(&self, response: &Response<B>) -> bool {
        let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_json =
            content_type.is_some_and(|text| text.split(';').next().is_some_and(|text| text.ends_with("json")));
        let is_large = response.body().size_hint().exact().is_some_and(|bytes| bytes >= self.bytes_min);
        is_json && is_large && self.bytes_min > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use futures_util::stream;
    use std::convert::Infallible;

    fn is_compressed(bytes_min: u64, content_type: &str, body: Body) -> bool {
        let response = Response::builder().header(header::CONTENT_TYPE, content_type).body(body).unwrap();
        Worthwhile { bytes_min }.should_compress(&response)
    }

    #[test]
    fn only_large_json_is_worth_it() {
        let large = || Body::from("x".repeat(100));
        assert!(is_compressed(100, "application/json; charset=utf-8", large()));
        assert!(is_compressed(100, "application/graphql-response+json; charset=utf-8", large()));
        assert!(!is_compressed(101, "application/json", large()), "small");
        assert!(!is_compressed(0, "application/json", large()), "off");
        assert!(!is_compressed(100, "text/event-stream", large()), "events");
        let endless = Body::from_stream(stream::once(async { Ok::<_, Infallible>("x".repeat(100)) }));
        assert!(!is_compressed(100, "application/json", endless), "of unknown length");
    }
}
