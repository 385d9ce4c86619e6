//! The table of a run.

/// What a ratio should be.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
}

/// One line.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// What is compared.
    pub what: String,
    /// Ours.
    pub ours: String,
    /// The bare servers'.
    pub theirs: String,
    /// Ours divided by theirs; the range of the rounds' ratios beside it.
    pub ratio: String,
    /// What it should be; none for a line that only explains.
    pub target: Option<Target>,
}

/// Lines, each section with a title and remarks below it.
#[derive(Debug, Clone, Default)]
pub struct Section {
    /// What is measured.
    pub title: String,
    /// The lines.
    pub rows: Vec<Row>,
    /// How it was measured, and what explains it.
    pub remarks: Vec<String>,
}

impl Row {
    /// A ratio of two numbers.
    pub fn ratio(ratio: f64, range: &str) -> String {
        if range.is_empty() { format!("{ratio:.2}") } else { format!("{ratio:.2} ({range})") }
    }

    fn cells(&self) -> [String; 5] {
        let target = match self.target {
            None => String::new(),
            Some(Target::AtLeast(target)) => format!("≥ {target}"),
            Some(Target::AtMost(target)) => format!("≤ {target}"),
        };
        [self.what.clone(), self.ours.clone(), self.theirs.clone(), self.ratio.clone(), target]
    }
}

/// The whole table as text.
pub fn render(facts: &[String], sections: &[Section]) -> String {
    let heading = ["", "millrace", "bare", "ratio", "target"].map(str::to_owned);
    let rows: Vec<[String; 5]> = sections.iter().flat_map(|section| &section.rows).map(Row::cells).collect();
    let mut widths = [0; 5];
    for cells in rows.iter().chain([&heading]) {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut lines: Vec<String> = facts.to_vec();
    lines.extend([String::new(), line(&heading, &widths)]);
    for section in sections {
        lines.push(format!("── {}", section.title));
        lines.extend(section.rows.iter().map(|row| line(&row.cells(), &widths)));
        lines.extend(section.remarks.iter().map(|remark| format!("     {remark}")));
    }
    lines.join("\n")
}

/// The first column stands left, the others right.
fn line(cells: &[String; 5], widths: &[usize; 5]) -> String {
    let mut text = String::new();
    for (place, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let gap = " ".repeat(width - cell.chars().count());
        text += &if place == 0 { format!("{cell}{gap}") } else { format!("   {gap}{cell}") };
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_their_heading() {
        let row =
            Row { what: "reads".into(), ours: "10".into(), target: Some(Target::AtLeast(0.25)), ..Row::default() };
        let text = render(&[], &[Section { title: "Read".into(), rows: vec![row], remarks: vec![] }]);
        let lines: Vec<&str> = text.lines().collect();
        let end = |line: &str, word: &str| {
            line.chars().count() - line.split(word).last().map_or(0, |rest| rest.chars().count())
        };
        assert_eq!(end(lines[1], "millrace"), end(lines[3], "10"), "{text}");
        assert!(lines[3].ends_with("≥ 0.25"), "{text}");
    }
}
