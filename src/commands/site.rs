//! Requests the page of `verify-url` for the core: implements `SiteCheck`.

use std::time::Duration;

use crate::config::{PageAddress, Settings};
use crate::core::site::{SiteAnswer, SiteFault};
use crate::core::traits::SiteCheck;
use crate::error::{Problem, Problems};
use crate::http::Http;
use crate::http::page_client::PageClient;

/// The page, and the client that requests it.
pub(super) struct Site {
    client: PageClient,
    address: PageAddress,
    /// Where the deployed site lives, where the user says so.
    environment: Option<String>,
}

impl Site {
    /// The page that these settings want verified.
    pub(super) fn new(settings: &Settings, http: &Http) -> Result<Option<Self>, Problems> {
        let Some(page) = &settings.page else { return Ok(None) };
        let client = PageClient::new(http, page.headers.clone(), page.text.clone())
            .map_err(|error| Problem::new("verify-url", (error.to_string(), "")))?;
        let (address, environment) = (page.address.clone(), settings.environment_url.clone());
        Ok(Some(Self { client, address, environment }))
    }

    /// Requests the page once. `None`: its address is not known yet.
    pub(super) async fn request(&self, site: Option<&str>, limit: Duration) -> Option<SiteAnswer> {
        let url = self.address.on(self.environment.as_deref().or(site))?;
        Some(Box::pin(self.client.get(&url, limit)).await)
    }
}

impl SiteCheck for Site {
    async fn check(&mut self, site: Option<&str>, limit: Duration) -> SiteAnswer {
        self.request(site, limit).await.unwrap_or_else(|| SiteAnswer::without(SiteFault::NoAddress))
    }
}
