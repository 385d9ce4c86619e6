//! How mails go out: over SMTP, or, in development, onto a page.

pub mod development;
pub mod smtp;
