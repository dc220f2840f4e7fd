//! One call, apart from what it asks for.

use std::time::Duration;

use rand::Rng;

use crate::workers::deadline::Deadline;

/// What a call's answer is named by, and how long somebody waits for it.
#[derive(Debug, Clone)]
pub struct Call {
    /// Names the answer, in the answer itself, in logs and in the serve log: 128 random bits in hexadecimal.
    pub request_id: String,
    /// The caller's, else the server's default.
    pub deadline: Deadline,
    /// The caller's own; `None` where they said nothing, for what may take as long as it takes.
    pub said: Option<Deadline>,
}

impl Call {
    /// A call that arrives now and is waited for so long; `default` where the caller does not say.
    pub fn new(timeout: Option<Duration>, default: Duration) -> Call {
        let said = timeout.map(Deadline::of);
        Call {
            request_id: format!("{:032x}", rand::thread_rng().gen::<u128>()),
            deadline: said.unwrap_or_else(|| Deadline::of(default)),
            said,
        }
    }
}
