//! Parked documents: `millrace parked` lists them, `millrace refold` repairs one. It takes what the projector role may use, no more.

use crate::roles::projector::ProjectorSettings;
use crate::roles::{RoleError, projector};
use crate::settings::Settings;
use millrace_read::refold::Refolded;
use millrace_read::refold::operate;
use uuid::Uuid;

/// Says which documents are parked, one line each: projection, key, position and name of the event, and why.
pub async fn list(settings: &Settings) -> Result<(), RoleError> {
    let database = projector::database(ProjectorSettings::of(settings).mongodb).await?;
    let letters = operate::dead_letters(&database).await.map_err(|error| RoleError::Refold(error.into()))?;
    let mut count = 0;
    for (projection, letter) in letters.iter().flat_map(|(name, letters)| letters.iter().map(move |one| (name, one))) {
        count += 1;
        println!("{projection} {} since position {}: {}: {}", letter.key, letter.position, letter.event, letter.reason);
    }
    match count {
        0 => println!("nothing is parked"),
        _ => println!("repair: millrace refold --projection PROJECTION --document KEY"),
    }
    Ok(())
}

/// Folds one document anew.
pub async fn refold(settings: &Settings, projection: &str, document: &str) -> Result<(), RoleError> {
    let stores = projector::refold_stores(ProjectorSettings::of(settings)).await?;
    let namespace = Uuid::new_v4().as_u64_pair().0;
    let refolded = operate::refold_one(stores, projection, document, namespace).await?;
    println!("{}", told(&refolded));
    Ok(())
}

fn told(refolded: &Refolded) -> String {
    let Refolded { key, parked_since, revision, exists, companions } = refolded;
    let was = parked_since.map_or("was not parked".to_owned(), |since| format!("was parked since position {since}"));
    let Some(revision) = revision else { return format!("{key} is as the log has it, and {was}: nothing is written") };
    let is = if *exists { "is as the log has it" } else { "does not exist any more" };
    let at = format!("revision {}+{}", revision.position, revision.n);
    match companions {
        0 => format!("{key} {was} and {is}: {at}"),
        more => format!("{key} {was} and {is}: {at}, with {more} more that had been left out"),
    }
}
