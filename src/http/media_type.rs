//! Which form of answer a client takes: pure.

use axum::http::{HeaderMap, HeaderValue, header};

/// The forms of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaType {
    /// The draft's own: errors before execution have their status.
    GraphQlResponse,
    /// What older clients ask for: 200 for everything that was a well-formed request.
    Json,
}

impl MediaType {
    /// As it stands in `content-type`.
    pub fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::GraphQlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        })
    }

    /// How exactly a range names it; none if it does not.
    fn named_by(self, range: &str) -> Option<Exactness> {
        match range {
            "*/*" => Some(Exactness::Anything),
            "application/*" => Some(Exactness::Application),
            "application/graphql-response+json" if self == Self::GraphQlResponse => Some(Exactness::Itself),
            "application/json" if self == Self::Json => Some(Exactness::Itself),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Exactness {
    Anything,
    Application,
    Itself,
}

/// The best of what the client accepts; nothing said means the older form, as the audit has it.
pub fn accepted(headers: &HeaderMap) -> Option<MediaType> {
    if said(headers).next().is_none() {
        return Some(MediaType::Json);
    }
    let ranges = ranges(headers);
    match (wanted(MediaType::GraphQlResponse, &ranges), wanted(MediaType::Json, &ranges)) {
        (Some(own), Some(older)) => Some(better(own, older)),
        (Some(_), None) => Some(MediaType::GraphQlResponse),
        (None, Some(_)) => Some(MediaType::Json),
        (None, None) => None,
    }
}

/// Of equal weights the one that is named more exactly; of these the draft's own, if it is named at all.
fn better(own: (Exactness, f32), older: (Exactness, f32)) -> MediaType {
    let is_own = own.1 > older.1 || own.1 == older.1 && own.0 >= older.0 && own.0 > Exactness::Anything;
    if is_own { MediaType::GraphQlResponse } else { MediaType::Json }
}

/// How much the client wants a form: what the range says that names it most exactly.
fn wanted(form: MediaType, ranges: &[(String, f32)]) -> Option<(Exactness, f32)> {
    let naming = ranges.iter().filter_map(|(range, weight)| Some((form.named_by(range)?, *weight)));
    naming.max_by_key(|(exactness, _)| *exactness).filter(|(_, weight)| *weight > 0.0)
}

/// What the client accepts, in small letters, each with its weight. Lines of the header add up.
pub fn ranges(headers: &HeaderMap) -> Vec<(String, f32)> {
    said(headers).filter_map(weighted).collect()
}

fn said(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(header::ACCEPT).iter().map(|line| line.to_str().unwrap_or_default());
    lines.flat_map(|line| line.split(',')).filter(|range| !range.trim().is_empty())
}

fn weighted(range: &str) -> Option<(String, f32)> {
    let mut parts = range.split(';').map(str::trim);
    let range = parts.next()?.to_ascii_lowercase();
    let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok())?;
    Some((range, weight))
}

#[cfg(test)]
mod tests {
    use super::MediaType::{GraphQlResponse, Json};
    use super::*;

    fn accept(lines: &[&'static str]) -> Option<MediaType> {
        accepted(&lines.iter().map(|line| (header::ACCEPT, HeaderValue::from_static(line))).collect())
    }

    #[test]
    fn the_client_says_which_form_it_wants() {
        for (text, form) in [
            ("*/*", Some(Json)),
            ("application/json", Some(Json)),
            ("application/graphql-response+json", Some(GraphQlResponse)),
            ("Application/GraphQL-Response+JSON; charset=utf-8", Some(GraphQlResponse)),
            ("application/graphql-response+json, application/json", Some(GraphQlResponse)),
            ("application/json, application/graphql-response+json", Some(GraphQlResponse)),
            ("application/json, application/graphql-response+json;q=0.5", Some(Json)),
            ("application/graphql-response+json, */*", Some(GraphQlResponse)),
            ("application/json, */*;q=0.1", Some(Json)),
            ("application/*", Some(GraphQlResponse)),
            ("text/html", None),
            ("text/html, */*;q=0.8", Some(Json)),
            ("", Some(Json)),
        ] {
            assert_eq!(accept(&[text]), form, "{text}");
        }
        assert_eq!(accept(&[]), Some(Json));
        assert_eq!(accept(&["text/html", "application/graphql-response+json"]), Some(GraphQlResponse), "lines add up");
    }

    #[test]
    fn what_is_refused_by_name_is_not_given_for_a_star() {
        assert_eq!(accept(&["application/json;q=0, */*"]), Some(GraphQlResponse));
        assert_eq!(accept(&["application/json;q=0"]), None);
        assert_eq!(accept(&["*/*;q=0"]), None);
    }
}
