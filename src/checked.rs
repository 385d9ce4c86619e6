//! What a request must be before anything reads its document: POST, GET and sockets all come through here.

use crate::http::problem::Problem;
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Pos, Request as GraphQlRequest, Value, value};
use millrace_document::cost::{self, Weights};
use millrace_document::{Kind, Limit, Limits, Refusal, Steps, look};

/// Mutations that check or set a password, look at an ID token, or send a mail: one request does one of them, so that what limits requests limits guesses.
pub const SIGN_INS: &[&str] = &[
    "signIn",
    "signInWithProvider",
    "linkProvider",
    "signUp",
    "changePassword",
    "changeEmail",
    "requestPasswordReset",
    "resetPassword",
    "deactivateAccount",
    "eraseAccount",
    "exportMyData",
];

/// The limits of documents, and what a schema's fields cost.
#[derive(Debug)]
pub struct Checks {
    limits: Limits,
    weights: Weights,
}

/// A request whose document and variables are within the limits. Nothing else is parsed or executed.
pub struct Checked {
    request: GraphQlRequest,
    kind: Option<Kind>,
    cost: usize,
    cost_max: usize,
    /// The hash under which its text may be kept.
    new_hash: Option<String>,
}

impl Checks {
    /// With these limits.
    pub fn new(limits: Limits, weights: Weights) -> Self {
        Self { limits, weights }
    }

    /// Takes a request, or says why not.
    pub fn check(&self, request: GraphQlRequest) -> Result<Checked, Problem> {
        let refused = |refusal| refused(refusal, &request.query);
        let mut steps = Steps::default();
        let outline = look(&request.query, &self.limits, SIGN_INS, &mut steps).map_err(refused)?;
        self.check_variables(&request, &mut steps).map_err(refused)?;
        let name = request.operation_name.as_deref();
        let value = |name: &str| request.variables.get(name).map(size);
        let cost = self.weights.cost(&outline, name, &value, &mut steps).unwrap_or_default();
        let kind = outline.kind(name);
        let limit = if kind == Some(Kind::Subscription) { Limit::SubscriptionCost } else { Limit::Cost };
        self.limits.check(limit, cost).map_err(refused)?;
        Ok(Checked { request, kind, cost, cost_max: self.limits.max(limit), new_hash: None })
    }

    /// Values are looked at without recursion, each once.
    fn check_variables(&self, request: &GraphQlRequest, steps: &mut Steps) -> Result<(), Refusal> {
        self.limits.check(Limit::Variables, request.variables.len())?;
        let mut open: Vec<(&Value, usize)> = request.variables.values().map(|value| (value, 1)).collect();
        while let Some((value, depth)) = open.pop() {
            steps.take(1);
            match value {
                Value::List(items) => {
                    self.limits.check(Limit::ListItems, items.len())?;
                    open.extend(items.iter().map(|item| (item, depth + 1)));
                }
                Value::Object(fields) => open.extend(fields.values().map(|field| (field, depth + 1))),
                _ => continue,
            }
            self.limits.check(Limit::VariableDepth, depth)?;
        }
        Ok(())
    }
}

impl Checked {
    /// The same, whose text may be kept under its hash.
    pub fn introducing(self, new_hash: Option<String>) -> Self {
        Self { new_hash, ..self }
    }

    /// The hash under which its text may be kept.
    pub fn new_hash(&self) -> Option<&str> {
        self.new_hash.as_deref()
    }

    /// The request.
    pub fn request(&self) -> &GraphQlRequest {
        &self.request
    }

    /// The document; none if it cannot be parsed. It is parsed once, and executed so.
    pub fn document(&mut self) -> Option<&ExecutableDocument> {
        self.request.parsed_query().ok()
    }

    /// The request, to be executed.
    pub fn into_request(self) -> GraphQlRequest {
        self.request
    }

    /// True if what would be executed is a mutation.
    pub fn is_mutation(&self) -> bool {
        self.kind == Some(Kind::Mutation)
    }

    /// True if what would be executed is a subscription.
    pub fn is_subscription(&self) -> bool {
        self.kind == Some(Kind::Subscription)
    }

    /// What it costs.
    pub fn cost(&self) -> usize {
        self.cost
    }

    /// What it costs, and the most that it may, for `extensions.cost`.
    pub fn told_cost(&self) -> Value {
        value!({ "requested": self.cost, "maximum": self.cost_max })
    }
}

fn size(value: &Value) -> cost::Value {
    match value {
        Value::Number(number) => number.as_i64().map_or(cost::Value::Other, cost::Value::Number),
        Value::List(items) => cost::Value::List(items.len()),
        _ => cost::Value::Other,
    }
}

fn refused(refusal: Refusal, text: &str) -> Problem {
    let position = match refusal {
        Refusal::Syntax { offset } => Some(position(text, offset)),
        Refusal::Cycle | Refusal::Limit { .. } => None,
    };
    Problem::Document { refusal, position }
}

/// Line and column, as errors tell them.
fn position(text: &str, offset: usize) -> Pos {
    let mut position = Pos { line: 1, column: 1 };
    for (index, character) in text.char_indices() {
        if index >= offset {
            break;
        }
        position = match character {
            '\n' => Pos { line: position.line + 1, column: 1 },
            _ => Pos { column: position.column + 1, ..position },
        };
    }
    position
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights;
    use async_graphql::Variables;
    use async_graphql::extensions::Analyzer;
    use serde_json::json;
    use std::collections::BTreeSet;

    type Object = serde_json::Map<String, serde_json::Value>;

    fn checks() -> Checks {
        Checks::new(Limits::default(), weights::of(&crate::schema::sdl()).unwrap())
    }

    fn checked(query: &str, variables: serde_json::Value) -> Result<Checked, Problem> {
        checks().check(GraphQlRequest::new(query).variables(Variables::from_json(variables)))
    }

    fn limit(query: &str, variables: serde_json::Value) -> Option<Limit> {
        match checked(query, variables).err()? {
            Problem::Document { refusal: Refusal::Limit { limit, .. }, .. } => Some(limit),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn variables_have_a_number_a_depth_and_lengths() {
        let query = "{ __typename }";
        let many = |count: usize| (0..count).map(|n| (format!("v{n}"), json!(n))).collect::<Object>();
        let deep = |depth: usize| {
            (0..depth).fold(json!(1), |inner, n| if n % 2 == 0 { json!([inner]) } else { json!({ "a": inner }) })
        };
        for (limit_of, max, variables) in [
            (Limit::Variables, 100, &many as &dyn Fn(usize) -> Object),
            (Limit::VariableDepth, 10, &|depth| Object::from_iter([("a".to_owned(), deep(depth))])),
            (Limit::ListItems, 100, &|count| Object::from_iter([("a".to_owned(), json!({ "b": vec![1; count] }))])),
        ] {
            assert_eq!(limit(query, variables(max).into()), None, "{limit_of:?}");
            for count in [max + 1, max * 10] {
                assert_eq!(limit(query, variables(count).into()), Some(limit_of), "{count}");
            }
        }
    }

    #[test]
    fn each_value_is_looked_at_once() {
        let rows = vec![json!({ "a": [1, 2, 3], "b": { "c": null } }); 100];
        let request = GraphQlRequest::new("").variables(Variables::from_json(json!({ "rows": rows, "more": 1 })));
        let mut steps = Steps::default();
        assert_eq!(checks().check_variables(&request, &mut steps), Ok(()));
        assert_eq!(steps, Steps(1 + 100 * 7 + 1));
    }

    #[test]
    fn whatever_takes_a_password_or_an_id_token_or_sends_a_mail_is_done_once_in_a_request() {
        let sdl = crate::schema::sdl();
        let takes_password = |input: &str| {
            let fields = sdl.split(&format!("input {input} {{")).nth(1).and_then(|rest| rest.split("\n}").next());
            fields.is_some_and(|fields| {
                let lines = fields.lines().map(str::to_lowercase);
                lines.into_iter().any(|line| line.contains("password: ") || line.contains("idtoken: "))
            })
        };
        let mutations = sdl.split("type Mutation {").nth(1).and_then(|rest| rest.split("\n}").next()).unwrap();
        let lines: Vec<&str> = mutations.lines().map(str::trim).collect();
        let mut found = BTreeSet::from(["requestPasswordReset"]);
        for (index, line) in lines.iter().enumerate() {
            let Some(input) = line.strip_prefix("input: ").and_then(|rest| rest.strip_suffix('!')) else { continue };
            let name = lines[..index].iter().rev().find_map(|line| line.strip_suffix('(')).unwrap();
            if takes_password(input) {
                found.insert(name);
            }
        }
        assert_eq!(found, SIGN_INS.iter().copied().collect());
    }

    /// It would be hundreds of megabytes before anybody could see how long it is.
    #[test]
    fn the_same_long_text_cannot_be_asked_for_many_times_over() {
        let bodies = |count: usize| (1..=count).map(|n| format!("a{n}: body ")).collect::<String>();
        let posts =
            |count: usize, first: usize| format!("{{ posts(first: {first}) {{ nodes {{ {} }} }} }}", bodies(count));
        assert_eq!(limit(&posts(30, 100), json!({})), Some(Limit::Cost));
        assert_eq!(limit(&posts(30, 20), json!({})), Some(Limit::Cost));
        assert_eq!(limit(&posts(1, 100), json!({})), None, "a page of whole posts");
    }

    #[test]
    fn what_nobody_can_ask_to_be_shorter_is_asked_for_once() {
        let lags = "pipelineLags { at projection lagMs }";
        assert_eq!(limit(&format!("{{ {lags} }}"), json!({})), None, "as the page does");
        assert_eq!(limit(&format!("{{ a: {lags} b: {lags} }}"), json!({})), Some(Limit::Cost));
    }

    #[test]
    fn what_is_executed_again_for_each_event_may_cost_less() {
        let fields = "id version revision createdAt updatedAt hidden author { id version revision createdAt }";
        let comments = |first: usize| format!("comments(first: {first}) {{ nodes {{ {fields} }} }}");
        let posts = |first| {
            format!(
                "subscription($id: ID!) {{ postChanged(id: $id) {{ ... on PostChanged {{ post {{ {} }} }} }} }}",
                comments(first)
            )
        };
        let query = |first| format!("query($id: ID!) {{ post(id: $id) {{ {} }} }}", comments(first));
        let id = json!({ "id": "a" });
        assert_eq!(limit(&posts(60), id.clone()), None);
        assert_eq!((limit(&posts(100), id.clone()), limit(&query(100), id)), (Some(Limit::SubscriptionCost), None));
    }

    /// What async-graphql counts by walking the document again and again is what is counted here by walking it once.
    #[tokio::test]
    async fn the_cost_is_what_async_graphql_reckons() {
        let schema = crate::schema::builder().extension(Analyzer).finish();
        let names = "fragment N on UserConnection { nodes { fullName } edges { cursor node { id } } totalCount }";
        for (query, variables) in [
            ("{ posts { nodes { id title author { id } } } }".to_owned(), json!({})),
            (
                "query($n: Int) { posts(first: $n) { nodes { comments(last: 3) { nodes { version } } } } }".into(),
                json!({ "n": 7 }),
            ),
            ("query($n: Int = 4) { users(first: $n) { nodes { id } } }".into(), json!({})),
            (
                format!(
                    "query($ids: [ID!]!) {{ nodes(ids: $ids) {{ id ... on User {{ followers(first: 2) {{ ...N }} }} }} }} {names}"
                ),
                json!({ "ids": ["a", "b", "c"] }),
            ),
            ("{ viewer { user { id followers { nodes { id } } } } }".into(), json!({})),
            (
                "mutation($i: AddCommentInput!) { addComment(input: $i) { post { comments { nodes { id } } } } }"
                    .into(),
                json!({ "i": { "postId": "x", "text": "y" } }),
            ),
        ] {
            let request = GraphQlRequest::new(&query).variables(Variables::from_json(variables.clone()));
            let response = schema.execute(request).await;
            let reckoned = serde_json::to_value(&response.extensions).unwrap()["analyzer"]["complexity"].as_u64();
            let cost = checked(&query, variables).map(|checked| checked.cost() as u64);
            assert_eq!(cost.ok(), reckoned, "{query}: {:?}", response.errors);
            assert!(reckoned.is_some());
        }
    }

    #[test]
    fn what_we_offer_as_examples_is_within_the_limits() {
        // A file of the storefront has several operations, and fragments of other files are spread in it.
        let limits = Limits { operations_max: 20, ..Limits::default() };
        let checks = Checks::new(limits, weights::of(&crate::schema::sdl()).unwrap());
        let mut count = 0;
        for folder in ["examples", "examples/storefront/src/operations"] {
            let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
            for path in files.filter(|path| path.extension().is_some_and(|extension| extension == "graphql")) {
                let text = std::fs::read_to_string(&path).unwrap();
                let refused = checks.check(GraphQlRequest::new(text + "query Another { __typename }")).err();
                assert_eq!(refused, None, "{}", path.display());
                count += 1;
            }
        }
        assert!(count >= 30, "{count} documents");
        let pipeline = std::fs::read_to_string("web-playground/src/pipeline/operations.ts").unwrap();
        let filled = pipeline.replace("${HOP}", "{ p50Ms p99Ms count }").replace("${STATUS}", "id state");
        let is_operation =
            |text: &&str| ["query", "mutation", "subscription"].iter().any(|kind| text.starts_with(kind));
        let texts: Vec<_> = filled.split('`').skip(1).step_by(2).filter(is_operation).collect();
        assert!(texts.iter().any(|text| text.starts_with("subscription Pipeline")), "{texts:?}");
        for text in texts {
            assert_eq!(checks.check(GraphQlRequest::new(text)).err(), None, "{text}");
        }
    }

    /// Each with the fragments of all files, as the client that is built from them sends it.
    #[test]
    fn what_the_storefront_sends_costs_no_more_than_it_may() {
        let files = std::fs::read_dir("examples/storefront/src/operations").unwrap();
        let all: String = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
        // Apollo Client asks for the type of everything.
        let all = all.replace(" {\n", " { __typename\n");
        let many = 1_000_000;
        let limits = Limits {
            query_bytes_max: many,
            tokens_max: many,
            aliases_max: many,
            fragments_max: many,
            selections_max: many,
            operations_max: many,
            ..Limits::default()
        };
        let checks = Checks::new(limits, weights::of(&crate::schema::sdl()).unwrap());
        let of_kind = |kind| all.lines().filter_map(move |line: &str| line.strip_prefix(kind));
        let operations = of_kind("query ").chain(of_kind("mutation ")).chain(of_kind("subscription "));
        let mut count = 0;
        for operation in operations {
            let name = operation.split(|end: char| !end.is_alphanumeric()).next().unwrap();
            let checked = checks.check(GraphQlRequest::new(&all).operation_name(name));
            let cost = checked.map(|checked| checked.cost());
            assert!(matches!(cost, Ok(1..)), "{name}: {cost:?}");
            count += 1;
        }
        assert!(count >= 20, "{count} operations");
    }

    /// As graphql-js writes it for GraphiQL, with everything that can be asked for.
    #[test]
    fn graphiql_may_read_the_schema() {
        let of_type = (0..9)
            .fold(String::new(), |inner, _| format!("kind name ofType {{ {inner} }}").replace("{  }", "{ kind name }"));
        let query = format!(
            "query IntrospectionQuery {{ __schema {{ description queryType {{ name kind }} mutationType {{ name kind }}
             subscriptionType {{ name kind }} types {{ ...FullType }} directives {{ name description isRepeatable locations
             args(includeDeprecated: true) {{ ...InputValue }} }} }} }}
             fragment FullType on __Type {{ kind name description specifiedByURL isOneOf
             fields(includeDeprecated: true) {{ name description args(includeDeprecated: true) {{ ...InputValue }}
             type {{ ...TypeRef }} isDeprecated deprecationReason }} inputFields(includeDeprecated: true) {{ ...InputValue }}
             interfaces {{ ...TypeRef }} enumValues(includeDeprecated: true) {{ name description isDeprecated deprecationReason }}
             possibleTypes {{ ...TypeRef }} }}
             fragment InputValue on __InputValue {{ name description type {{ ...TypeRef }} defaultValue isDeprecated deprecationReason }}
             fragment TypeRef on __Type {{ {of_type} }}"
        );
        assert!(query.matches("ofType").count() == 9 && checked(&query, json!({})).is_ok());
    }

    #[test]
    fn a_place_in_the_text_is_told_by_line_and_column() {
        let problem = checked("{\n  ü: \n}", json!({})).err().unwrap();
        let Problem::Document { position, .. } = problem else { panic!("{problem:?}") };
        assert_eq!(position, Some(Pos { line: 2, column: 3 }));
    }
}
