//! What the benchmarks follow with: the core's own timing, and nothing that is reported.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use deploy_hook::core::history::History;
use deploy_hook::core::report::Event;
use deploy_hook::core::schedule::Timing;
use deploy_hook::core::site::{SiteAnswer, SiteFault};
use deploy_hook::core::traits::{Reporter, SiteCheck};
use deploy_hook::core::{Plan, Wait};

/// A plan without a history.
pub(super) fn plan(seed: u64) -> Plan {
    Plan {
        wait: Wait::Auto,
        timeout: Duration::from_hours(24),
        limit: None,
        verify: None,
        interval: None,
        expected: None,
        history: History::default(),
        late_history: Arc::default(),
        learns: true,
        timing: Timing::default(),
        started: SystemTime::UNIX_EPOCH,
        seed,
    }
}

/// Reports nothing, and verifies no page.
pub(super) struct Silent;

impl SiteCheck for Silent {
    async fn check(&mut self, _: Option<&str>, _: Duration) -> SiteAnswer {
        SiteAnswer::without(SiteFault::NoAddress)
    }
}

impl Reporter for Silent {
    async fn report(&mut self, _: Duration, _: &Event) {}
}
