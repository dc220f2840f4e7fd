//! Newsletters, text messages, catalogues and invitations reach people, and what people do with them.

use super::household::{Life, World};

impl World {
    /// Mailings of one day.
    fn sent_on(&self, day: i32) -> std::ops::Range<usize> {
        let from = self.campaigns.partition_point(|c| c.day < day);
        let to = self.campaigns.partition_point(|c| c.day <= day);
        from..to
    }
}

impl Life<'_> {
    /// 1 + the number of the e-mail campaign of today or the last one; 0 = none yet.
    pub(super) fn campaign_today(&self) -> u16 {
        let until = self
            .world
            .campaigns
            .partition_point(|c| c.day <= self.state.day);
        self.world.campaigns[..until]
            .iter()
            .rposition(|c| c.by == "email")
            .map_or(0, |i| i as u16 + 1)
    }

    pub(super) fn letters(&mut self) {
        if self.person.id.is_empty() {
            return;
        }
        for i in self.world.sent_on(self.state.day) {
            let by = self.world.campaigns[i].by;
            let pull = self.world.campaigns[i].pull;
            let number = i as u16 + 1;
            // who never opens anything is written to less often
            if self.state.unopened >= 6 && i % 3 != 0 && by == "email" {
                continue;
            }
            let reached = match by {
                "mailer" => true,
                "push" => self.person.channels[1] - self.person.channels[0] > 0.25,
                "sms" => self.person.contact && self.person.index.is_multiple_of(3),
                _ => self.person.contact,
            };
            if !reached {
                continue;
            }
            let (sent, channel) = match by {
                "mailer" => ("mailer", "post"),
                "push" => ("push_sent", "app"),
                "sms" => ("sms_sent", "sms"),
                "event" => ("event_invited", "email"),
                _ => ("email_sent", "email"),
            };
            let mut mark = self.note(sent, channel, 9 * 3600 + (i as i32 * 613) % 3000);
            mark.campaign = number;
            self.mark(mark);
            self.receive(by, number, pull);
        }
    }

    fn receive(&mut self, by: &str, number: u16, pull: f64) {
        // who left many unopened hardly looks any more
        let weary = match self.state.unopened {
            0..=3 => 1.0,
            4..=7 => 0.5,
            _ => 0.2,
        };
        let asleep = if self.state.away { 0.25 } else { 1.0 };
        let glad = self.person.opens * weary * asleep;
        let second = self.state.rng.int(10 * 3600, 22 * 3600) as i32;
        match by {
            "email" => {
                if !self.state.rng.chance(0.8 * glad) {
                    self.state.unopened = self.state.unopened.saturating_add(1);
                    return;
                }
                self.state.unopened = 0;
                let mut open = self.note("email_open", "email", second);
                open.campaign = number;
                self.mark(open);
                if self.state.rng.chance(
                    pull + if self.state.needs.is_empty() {
                        0.02
                    } else {
                        0.25
                    },
                ) {
                    let mut click = self.note("email_click", "email", second + 40);
                    click.campaign = number;
                    self.mark(click);
                    self.state.nudged = true;
                }
            }
            "sms" | "push" if self.state.rng.chance(0.35 * glad) => {
                let kind = if by == "sms" {
                    "sms_click"
                } else {
                    "push_open"
                };
                let channel = if by == "sms" { "sms" } else { "app" };
                let mut click = self.note(kind, channel, second);
                click.campaign = number;
                self.mark(click);
                self.state.nudged = self.state.rng.chance(0.4);
            }
            "event" => {
                let near = self.person.channels[2] - self.person.channels[1];
                if self.state.rng.chance(0.15 * near * glad) {
                    let mut there = self.note("event_attended", "store", second.min(19 * 3600));
                    there.campaign = number;
                    there.seconds = self.state.rng.int(1_800, 7_200) as f64;
                    self.mark(there);
                    self.state.hits = (self.state.hits - 0.4).max(0.0);
                }
            }
            _ => {}
        }
    }
}
