//! Problems with the page that is verified after a deployment, and with what it must hold.

use super::values::{Advice, WITH_USER};

pub(crate) const NO_PAGE: Advice = (
    "is given without verify-url, so nothing would be verified",
    "Set verify-url to the page that is to be verified, or leave this out.",
);
pub(crate) const HEADERS_NOT_ENCRYPTED: Advice = (
    "would be sent over plain http",
    "They are secret: use https. Plain http is for localhost and 127.0.0.1.",
);
pub(crate) const NO_SITE: Advice = (
    "is a path on the deployed site, whose address is not known",
    "Set environment-url to the site's address, or give the whole URL of the page. Render, Vercel, Netlify and Cloudflare Pages name the address of a deployment that is followed.",
);
pub(crate) const PAGE_WITH_SECRET: Advice = (
    "holds the hook's secret or a token",
    "Give the address of a page of the deployed site. It is shown in logs and reports.",
);
pub(crate) const PAGE_WITH_USER: Advice =
    (WITH_USER, "Take it out. A page behind a password gets it as verify-headers: `Authorization: Basic …`.");
pub(crate) const PAGE_ALLOWED: &str =
    "Allowed: https://…, http://…, or a path on environment-url such as /version.";
pub(crate) const PAGE_UNEXPANDED: &str = "is masked, or the name of a variable and not its value";
pub(crate) const PAGE_OF_ANOTHER_HOST: &str = "begins with two slashes, so it names another host";
pub(crate) const EMPTY_TEXT: Advice = (
    "is empty, which every page contains",
    "Give a text that only the new version has, such as its commit, or leave the option out.",
);
pub(crate) const TEXT_ALLOWED: &str =
    "Allowed: one line of at most 1000 characters, as it stands in the page's source.";
pub(crate) const LONG_TEXT: &str = "is longer than 1000 characters";
pub(crate) const UNSEEN_TEXT: &str = "holds a line break or another character that cannot be seen";
