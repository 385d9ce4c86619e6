//! Links within the repository.

use super::pages::{Page, pages, readme};

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    for page in pages().into_iter().chain([readme()]) {
        broken.extend(
            links_of(&page).filter(|link| !leads_somewhere(&page, link)).map(|link| format!("{}: {link}", page.path)),
        );
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Every page is in the table of contents: another one would not be built.
#[test]
fn every_page_has_its_place() {
    let pages = pages();
    let summary = pages.iter().find(|page| page.path == "SUMMARY.md").expect("the table of contents");
    let missing = |page: &&Page| page.path != "SUMMARY.md" && !summary.text.contains(&format!("({})", page.path));
    let missing: Vec<&str> = pages.iter().filter(missing).map(|page| &*page.path).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

fn links_of(page: &Page) -> impl Iterator<Item = &str> {
    page.text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link)
}

fn leads_somewhere(page: &Page, link: &str) -> bool {
    if link.contains("://") {
        return true;
    }
    let (path, heading) = link.split_once('#').unwrap_or((link, ""));
    let file = page.folder().join(path);
    if heading.is_empty() {
        return file.exists();
    }
    let text = if path.is_empty() { Ok(page.text.clone()) } else { std::fs::read_to_string(file) };
    text.is_ok_and(|text| text.lines().filter(|line| line.starts_with('#')).any(|line| anchor(line) == heading))
}

/// As mdBook and GitHub name a heading.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = words.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}
