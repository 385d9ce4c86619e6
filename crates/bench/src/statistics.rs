//! Medians and percentiles.

use std::time::Duration;

/// Measured values of one kind.
#[derive(Debug, Clone, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Takes one in.
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// Takes a duration in, in milliseconds.
    pub fn push_ms(&mut self, duration: Duration) {
        self.push(duration.as_secs_f64() * 1e3);
    }

    /// Takes in all of another.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The median.
    pub fn median(&self) -> f64 {
        self.percentile(50.0)
    }

    /// The value that so many percent do not exceed (nearest rank); not a number if there is none.
    pub fn percentile(&self, percent: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }

    /// The lowest and the highest, as a text.
    pub fn range(&self, decimals: usize) -> String {
        format!("{:.decimals$}–{:.decimals$}", self.percentile(0.0), self.percentile(100.0))
    }
}

impl FromIterator<f64> for Samples {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

/// The ratio of each round, so that what disturbs one round disturbs both sides of its ratio.
pub fn ratios(ours: &Samples, theirs: &Samples) -> Samples {
    ours.0.iter().zip(&theirs.0).map(|(ours, theirs)| ours / theirs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let samples: Samples = (1..=100).rev().map(f64::from).collect();
        assert_eq!((samples.median(), samples.percentile(99.0), samples.percentile(100.0)), (50.0, 99.0, 100.0));
        assert_eq!(samples.percentile(0.0), 1.0);
        assert!(Samples::default().median().is_nan());
    }
}
