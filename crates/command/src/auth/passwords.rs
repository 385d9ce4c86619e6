//! Passwords: argon2id on threads of its own, never more at once than there are cores, and never a queue without an end.

use super::hashing_threads::HashingThreads;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use millrace_events::values::Password;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Passwords that were hashed or compared: the work of argon2, for known and for unknown accounts.
const HASHES: &str = "millrace_password_hashes_total";

/// What one hash costs. The default is what OWASP asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for PasswordCost {
    fn default() -> Self {
        Self { memory_kib: 19 * 1_024, passes: 2, lanes: 1 }
    }
}

/// New passwords may have one of so many places, whoever brings them: signing in goes on beside them.
const NEW_PLACES_DIVISOR: usize = 2;

/// How much of the machine passwords may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordLimits {
    /// Hashes at the same time.
    pub at_once_max: usize,
    /// Requests that wait for their turn; more are turned away at once. New passwords have half of all places at the most.
    pub waiting_max: usize,
    /// How long one waits for its turn.
    pub wait_max: Duration,
}

impl Default for PasswordLimits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        // Half of them may be new passwords, whoever brings them: 32 are left for those who have one.
        Self { at_once_max: cores, waiting_max: 64, wait_max: Duration::from_secs(2) }
    }
}

/// Why a password was not hashed or compared.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// As many as may wait are waiting.
    #[error("too many passwords are waiting to be hashed")]
    TooManyWaiting {
        /// After this time whoever waits now has had a turn, or has given up.
        wait: Duration,
    },
    /// Its turn did not come in time.
    #[error("the turn to hash a password did not come in time")]
    WaitedTooLong {
        /// How long was waited for it: after the same time those who wait now are gone.
        wait: Duration,
    },
    /// argon2 refused.
    #[error("argon2 refused")]
    Argon2(#[from] argon2::Error),
    /// The system gives no pool of threads to hash on.
    #[error("the pool of threads that hash passwords cannot be made")]
    Pool(#[from] std::io::Error),
    /// The hash, new or kept, is not one that argon2 makes.
    #[error("a password's hash is malformed")]
    Hash(#[source] argon2::password_hash::Error),
    /// The hashing task ended without an answer: it panicked. No cause is kept, as it would repeat the panic's text.
    #[error("the task that hashes a password ended")]
    Task,
}

/// Hashes and compares passwords.
#[derive(Debug)]
pub struct Passwords {
    argon2: Argon2<'static>,
    threads: HashingThreads,
    wait_max: Duration,
    /// One for each hash that is computed. The blocking task owns it, so that a client who hangs up does not free it early.
    turns: Arc<Semaphore>,
    /// One for each request that computes or waits.
    places: Arc<Semaphore>,
    /// Those of the places that new passwords may have. Anybody may bring one, so the rest is kept for whoever has one.
    new_places: Arc<Semaphore>,
    /// Of a password that nobody knows: an unknown address costs what a known one costs.
    decoy: Arc<str>,
}

impl Passwords {
    /// With these costs and limits. Computes one hash.
    pub fn new(cost: PasswordCost, limits: PasswordLimits) -> Result<Self, PasswordError> {
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let unknown: [u8; 32] = rand::random();
        let turns = limits.at_once_max.min(Semaphore::MAX_PERMITS);
        let places = turns.saturating_add(limits.waiting_max).min(Semaphore::MAX_PERMITS);
        Ok(Self {
            decoy: hash(&argon2, &unknown)?.into(),
            argon2,
            threads: HashingThreads::new(NonZero::new(turns).unwrap_or(NonZero::<usize>::MIN))?,
            wait_max: limits.wait_max,
            turns: Arc::new(Semaphore::new(turns)),
            places: Arc::new(Semaphore::new(places)),
            new_places: Arc::new(Semaphore::new(places.div_ceil(NEW_PLACES_DIVISOR))),
        })
    }

    /// The hash to keep of a new password.
    pub async fn hash(&self, password: Password) -> Result<String, PasswordError> {
        let wait = self.wait_max;
        let place = Arc::clone(&self.new_places).try_acquire_owned();
        let place = place.map_err(|_| PasswordError::TooManyWaiting { wait })?;
        let argon2 = self.argon2.clone();
        let work = move || {
            let hashed = hash(&argon2, password.as_bytes());
            drop(place);
            hashed
        };
        self.compute(work).await
    }

    /// True if the password is the one that was hashed. Without a hash the same work is done, and the answer is no.
    pub async fn matches(&self, password: Password, kept: Option<String>) -> Result<bool, PasswordError> {
        let (argon2, decoy) = (self.argon2.clone(), Arc::clone(&self.decoy));
        let same = move || match kept {
            Some(kept) => verify(&argon2, password.as_bytes(), &kept),
            None => verify(&argon2, password.as_bytes(), &decoy).map(|_| false),
        };
        self.compute(same).await
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let held = self.turn().await?;
        metrics::counter!(HASHES).increment(1);
        let computed = self.threads.spawn(move || {
            let answer = work();
            drop(held);
            answer
        });
        computed.await.unwrap_or(Err(PasswordError::Task))
    }

    async fn turn(&self) -> Result<[OwnedSemaphorePermit; 2], PasswordError> {
        let wait = self.wait_max;
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| PasswordError::TooManyWaiting { wait })?;
        let turn = tokio::time::timeout(wait, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(PasswordError::WaitedTooLong { wait }) };
        Ok([place, turn])
    }
}

fn hash(argon2: &Argon2<'_>, password: &[u8]) -> Result<String, PasswordError> {
    argon2.hash_password(password).map(|hash| hash.to_string()).map_err(PasswordError::Hash)
}

fn verify(argon2: &Argon2<'_>, password: &[u8], kept: &str) -> Result<bool, PasswordError> {
    match argon2.verify_password(password, kept) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(PasswordError::Hash(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    const CHEAP: PasswordCost = PasswordCost { memory_kib: 8, passes: 1, lanes: 1 };

    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only() {
        let passwords = Passwords::new(CHEAP, PasswordLimits::default()).unwrap();
        let kept = passwords.hash(password("correct horse")).await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
        assert!(passwords.matches(password("correct horse"), Some(kept.clone())).await.unwrap());
        assert!(!passwords.matches(password("battery staple"), Some(kept)).await.unwrap());
        assert!(!passwords.matches(password("correct horse"), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_hash_of_another_cost_still_matches() {
        let before = Passwords::new(PasswordCost { passes: 2, ..CHEAP }, PasswordLimits::default()).unwrap();
        let kept = before.hash(password("correct horse")).await.unwrap();
        let now = Passwords::new(CHEAP, PasswordLimits::default()).unwrap();
        assert!(now.matches(password("correct horse"), Some(kept)).await.unwrap());
    }

    #[test]
    fn the_default_cost_is_that_of_owasp() {
        let passwords = Passwords::new(PasswordCost::default(), PasswordLimits::default()).unwrap();
        assert!(passwords.decoy.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    }

    #[tokio::test]
    async fn a_panic_is_told_without_its_text_and_gives_its_turn_back() {
        let limits = PasswordLimits { at_once_max: 1, waiting_max: 0, wait_max: Duration::from_secs(60) };
        let passwords = Passwords::new(CHEAP, limits).unwrap();
        let words = "correct horse".to_owned();
        let failed = passwords.compute::<()>(move || panic!("{words}")).await.unwrap_err();
        assert!(matches!(failed, PasswordError::Task) && std::error::Error::source(&failed).is_none());
        assert!(passwords.hash(password("correct horse")).await.is_ok());
    }

    /// Work that ends when told, in place of a hash that takes long.
    async fn occupy(passwords: &Arc<Passwords>) -> std::sync::mpsc::Sender<()> {
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let passwords = Arc::clone(passwords);
        let request = tokio::spawn(async move {
            let work = move || {
                let _ = begun.send(());
                let _ = ended.recv();
                Ok(())
            };
            passwords.compute(work).await
        });
        begins.await.unwrap();
        request.abort();
        assert!(request.await.unwrap_err().is_cancelled());
        end
    }

    #[tokio::test]
    async fn who_hangs_up_does_not_free_the_turn() {
        let limits = PasswordLimits { at_once_max: 1, waiting_max: 1, wait_max: Duration::from_millis(50) };
        let passwords = Arc::new(Passwords::new(CHEAP, limits).unwrap());
        let end = occupy(&passwords).await;
        let waited = Instant::now();
        assert!(matches!(passwords.hash(password("correct horse")).await, Err(PasswordError::WaitedTooLong { .. })));
        assert!(waited.elapsed() >= Duration::from_millis(50));
        end.send(()).unwrap();
        passwords.turns.acquire().await.unwrap().forget();
    }

    #[tokio::test]
    async fn who_finds_the_queue_full_is_turned_away_at_once() {
        let limits = PasswordLimits { at_once_max: 1, waiting_max: 1, wait_max: Duration::from_secs(3_600) };
        let passwords = Arc::new(Passwords::new(CHEAP, limits).unwrap());
        let end = occupy(&passwords).await;
        let waiting = tokio::spawn({
            let passwords = Arc::clone(&passwords);
            async move { passwords.hash(password("correct horse")).await }
        });
        while passwords.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(passwords.hash(password("correct horse")).await, Err(PasswordError::TooManyWaiting { .. })));
        end.send(()).unwrap();
        assert!(waiting.await.unwrap().is_ok());
    }
}
