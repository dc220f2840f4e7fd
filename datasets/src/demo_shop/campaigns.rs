//! The calendar of what the shop sends.

use super::calendar;

/// One mailing to many.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// Id in the table.
    pub id: String,
    /// Day on which it goes out.
    pub day: i32,
    /// `email`, `sms`, `push`, `mailer` or `event`.
    pub by: &'static str,
    /// Pull on those who open it, 0 to 1.
    pub pull: f64,
}

/// All mailings of a story from `start` to `end`, in order of days.
pub fn campaigns(start: i32, end: i32) -> Vec<Campaign> {
    let mut all = Vec::new();
    for day in start..end {
        let (month, dom) = calendar::month_day(day);
        let date = calendar::text(day);
        let mut add = |name: &str, by, pull| {
            all.push(Campaign {
                id: format!("{name}-{}", &date[..7]),
                day,
                by,
                pull,
            });
        };
        match (month, dom) {
            (_, 6) => add("newsletter", "email", 0.10),
            (11, 25) => add("christmas-ideas", "email", 0.25),
            (12, 10) => add("last-presents", "email", 0.25),
            (5, 20) => add("summer-holidays", "email", 0.15),
            (8, 12) => add("back-to-school", "email", 0.2),
            (3 | 9, 15) => add("catalogue", "mailer", 0.0),
            (2 | 6 | 10, 17) => add("weekend-deal", "sms", 0.12),
            (_, 22) if month % 2 == 1 => add("app-news", "push", 0.1),
            (4 | 7 | 11, 10) => add("open-house", "event", 0.0),
            _ => {}
        }
    }
    all
}
