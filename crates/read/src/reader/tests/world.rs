use crate::cache::redis::{RedisCache, RedisSettings};
use crate::live::{Feed, LiveLimits};
use crate::projection::{DocumentKey, Projection};
use crate::projector::testing::{MemorySource, Pages, PagesDocument, TestLog};
use crate::projector::{Limits, Projector, Step};
use crate::reader::{Answer, Need, Patience, Reader, ServedStore};
use crate::store::mongo::ServedPointer;
use millrace_events::{Position, Required};
use millrace_servers::{Shared, unique_name};
use mongodb::event::EventHandler;
use mongodb::event::command::CommandEvent;
use mongodb::options::ClientOptions;
use mongodb::{Client, Database};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const KEPT: Duration = Duration::from_secs(3_600);
/// Nobody listens there.
const NOWHERE: &str = "redis://127.0.0.1:1/";

pub type PageReader = Reader<Pages, ServedStore<Pages>, RedisCache>;
type PageProjector = Projector<Pages, MemorySource, crate::store::mongo::MongoStore<Pages>, RedisCache>;

/// Servers with a database and keys of its own, a log, and how often MongoDB was asked for something.
pub struct World {
    pub database: Database,
    pub log: TestLog,
    pub finds: Arc<AtomicUsize>,
    redis: RedisSettings,
    source: MemorySource,
    generation: u32,
}

/// Whether the projector reaches Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redis {
    Reached,
    Away,
}

impl World {
    pub async fn begin() -> Self {
        let urls = Shared::from_environment().await.unwrap().urls();
        let name = unique_name("reader");
        let finds = Arc::new(AtomicUsize::new(0));
        let mut options = ClientOptions::parse(&urls.mongodb).await.unwrap();
        options.command_event_handler = Some(counting(&finds));
        let database = Client::with_options(options).unwrap().database(&name);
        ServedPointer::<Pages>::new(database.clone()).begin(KEPT).await.unwrap();
        let redis = RedisSettings { url: urls.redis.clone(), prefix: name, document_ttl: KEPT };
        let log = TestLog::new(1);
        Self { database, source: MemorySource::of(&log), log, finds, redis, generation: 1 }
    }

    /// Writes to the log, and folds it to its end.
    pub async fn fold(&mut self, redis: Redis, write: impl FnOnce(&mut TestLog) -> &mut TestLog) {
        let known = self.log.events.len();
        write(&mut self.log);
        self.log.keys.iter().for_each(|(person, key)| self.source.set_key(*person, Some(key.clone())));
        self.log.messages().into_iter().skip(known).for_each(|message| self.source.put(message));
        let mut projector = self.projector(redis);
        for _ in 0..1_000 {
            let round = projector.round(11).await.unwrap();
            assert!(round.cache_error.is_none() || redis == Redis::Away);
            if matches!(round.step, Step::Idle) {
                return;
            }
        }
        panic!("it never comes to rest");
    }

    /// The log begins a new life, and another generation is served, empty at first.
    pub async fn begin_anew(&mut self) {
        self.log = TestLog::new(2);
        self.source = MemorySource::of(&self.log);
        let pointer = ServedPointer::<Pages>::new(self.database.clone());
        pointer.supersede(self.generation, self.log.history, KEPT).await.unwrap();
        self.generation += 1;
    }

    /// MongoDB is empty, and a projector has begun in it again.
    pub async fn empty_mongodb(&mut self) {
        self.database.drop().await.unwrap();
        let begun = ServedPointer::<Pages>::new(self.database.clone()).begin(KEPT).await.unwrap();
        self.generation = begun.generation;
    }

    pub fn reader(&self) -> PageReader {
        Reader::new(self.store(), self.cache())
    }

    pub fn store(&self) -> ServedStore<Pages> {
        ServedStore::new(self.database.clone())
    }

    pub fn cache(&self) -> RedisCache {
        RedisCache::new(&self.redis, Pages::NAME).unwrap()
    }

    pub fn feed(&self) -> Feed<Pages, ServedStore<Pages>> {
        Feed::new(Arc::new(self.store()), LiveLimits::default())
    }

    /// Forgets everything that lies in Redis about documents, leases too.
    pub async fn forget_documents(&self) {
        let client = redis::Client::open(self.redis.url.as_str()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let pattern = format!("{}:{}:*", self.redis.prefix, Pages::NAME);
        let keys: Vec<String> = redis::cmd("KEYS").arg(pattern).query_async(&mut connection).await.unwrap();
        assert!(!keys.is_empty(), "there is nothing to forget");
        redis::cmd("DEL").arg(keys).exec_async(&mut connection).await.unwrap();
    }

    pub fn need(&self, position: u64) -> Need {
        let required = Required { history: self.log.history, position: Position(position), seen: None };
        Need { required: Some(required), ..Need::default() }
    }

    fn projector(&self, redis: Redis) -> PageProjector {
        let url = if redis == Redis::Reached { self.redis.url.clone() } else { NOWHERE.to_owned() };
        let cache = RedisCache::new(&RedisSettings { url, ..self.redis.clone() }, Pages::NAME).unwrap();
        let store = ServedPointer::<Pages>::new(self.database.clone()).store(self.generation);
        Projector::new(self.source.clone(), store, cache, Limits::default())
    }
}

fn counting(finds: &Arc<AtomicUsize>) -> EventHandler<CommandEvent> {
    let finds = Arc::clone(finds);
    EventHandler::callback(move |event| {
        if matches!(event, CommandEvent::Started(started) if started.command_name == "find") {
            finds.fetch_add(1, Ordering::Relaxed);
        }
    })
}

/// Likes and title of a page; none if it does not exist.
pub fn page(answer: &Answer, key: &DocumentKey) -> Option<(u32, String)> {
    let found = answer.documents.get(key).expect("an answer for the key").as_ref()?;
    match serde_json::from_str(&found.json).unwrap() {
        PagesDocument::Page(page) => Some((page.likes, page.title.unwrap())),
        other => panic!("{other:?}"),
    }
}

/// Patience that never has to wait.
pub struct Impatient;

impl Patience for Impatient {
    async fn wait(&self) -> bool {
        false
    }
}
