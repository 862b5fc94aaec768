//! Requests the page of `verify-url` for the core: implements `SiteCheck`.

use std::time::Duration;

use url::Url;

use crate::config::{PageAddress, Settings};
use crate::core::ports::SiteCheck;
use crate::core::site::{SiteAnswer, SiteFault};
use crate::error::{Problem, Problems};
use crate::http::Http;
use crate::http::page::{PageAnswer, PageClient, PageFault};
use crate::secrets::Redactor;

/// The longest address of a redirect that is shown.
const LONGEST_ADDRESS: usize = 200;

/// The page, and the client that requests it.
pub(super) struct Site {
    client: PageClient,
    address: PageAddress,
    /// Where the deployed site lives, where the user says so.
    environment: Option<String>,
    redactor: Redactor,
}

impl Site {
    /// The page that these settings want verified.
    pub(super) fn new(settings: &Settings, http: &Http) -> Result<Option<Self>, Problems> {
        let Some(page) = &settings.page else { return Ok(None) };
        let client = PageClient::new(http, page.headers.clone(), page.text.clone())
            .map_err(|error| Problem::new("verify-url", (error.to_string(), "")))?;
        let (address, environment) = (page.address.clone(), settings.environment_url.clone());
        Ok(Some(Self { client, address, environment, redactor: http.redactor().clone() }))
    }

    /// Requests the page once. `None`: its address is not known yet.
    pub(super) async fn request(&self, site: Option<&str>, limit: Duration) -> Option<SiteAnswer> {
        let url = self.address.on(self.environment.as_deref().or(site))?;
        let answer = Box::pin(self.client.get(&url, limit)).await;
        Some(self.read(answer))
    }

    fn read(&self, answer: PageAnswer) -> SiteAnswer {
        let clean = |text: &dyn std::fmt::Display| self.redactor.clean(&text.to_string(), 300);
        let fault = answer.fault.map(|fault| match fault {
            PageFault::Status => SiteFault::Status,
            PageFault::NoText => SiteFault::NoText,
            PageFault::Body(fault) => SiteFault::Unreadable(clean(&fault)),
            PageFault::Redirect(fault) => SiteFault::Redirect(clean(&fault)),
            PageFault::Request(error) => SiteFault::NoAnswer(clean(&error)),
        });
        // A query may hold a secret, such as a one-time code.
        let shown = |mut url: Url| {
            url.set_query(None);
            url.set_fragment(None);
            self.redactor.clean(url.as_str(), LONGEST_ADDRESS)
        };
        SiteAnswer {
            status: answer.status,
            fault,
            redirected_to: answer.redirected_to.map(shown),
            retry_after: answer.retry_after,
        }
    }
}

impl SiteCheck for Site {
    async fn check(&mut self, site: Option<&str>, limit: Duration) -> SiteAnswer {
        self.request(site, limit).await.unwrap_or_else(|| SiteAnswer::without(SiteFault::NoAddress))
    }
}
