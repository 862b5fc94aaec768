//! The network settings, from inputs and from the variables that curl and OpenSSL read: certificate authorities and proxies.

use std::path::PathBuf;

use url::Url;

use super::sources::Sources;
use crate::http::{Network, NoProxy, ProxyFault, ProxyUrl, wants_proxy};
use crate::text::problems;

/// The variables of the proxy for https.
const HTTPS_PROXY: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/// Those of the proxy for http.
const HTTP_PROXY: [&str; 4] = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];

/// Reads the variables of the network. What none of these requests needs is not validated: a machine's variables are for all
/// its programs.
pub(super) fn read(sources: &mut Sources<'_>, requests: &[Url]) -> Network {
    let no_proxy = NoProxy::parse(first(sources, &["no_proxy", "NO_PROXY"]).map_or("", |(_, list)| list));
    let wants =
        |scheme: &str| requests.iter().any(|url| url.scheme() == scheme && wants_proxy(url, &no_proxy));
    Network {
        authorities: authority(sources, requests).into_iter().collect(),
        folders: folders(sources),
        proxy: proxy(sources, &HTTPS_PROXY, wants("https")),
        http_proxy: proxy(sources, &HTTP_PROXY, wants("http")),
        no_proxy,
    }
}

/// The first of these variables that is set, small letters first as with curl and GitHub's runner.
fn first<'a>(sources: &Sources<'a>, names: &[&'static str]) -> Option<(&'static str, &'a str)> {
    names.iter().find_map(|name| Some((*name, sources.env.get(name)?)))
}

fn proxy(sources: &mut Sources<'_>, names: &[&'static str], is_needed: bool) -> Option<ProxyUrl> {
    let (name, value) = first(sources, names)?;
    let fault = match ProxyUrl::parse(value.trim()) {
        Ok(proxy) => return Some(proxy),
        Err(fault) => fault,
    };
    let problem = match fault {
        ProxyFault::Socks => problems::SOCKS_PROXY,
        ProxyFault::NotProxy => problems::NOT_A_PROXY,
    };
    if is_needed {
        sources.secret_problem(name, problem);
    }
    None
}

fn authority(sources: &mut Sources<'_>, requests: &[Url]) -> Option<PathBuf> {
    let found = sources.find("ca-file", &["SSL_CERT_FILE"])?;
    if found.value.contains("-----BEGIN") {
        sources.secret_problem(&found.input, problems::CERTIFICATE_ITSELF);
        return None;
    }
    let path = PathBuf::from(found.value.trim());
    let wrong = match std::fs::metadata(&path) {
        Ok(file) if file.is_dir() => problems::IS_FOLDER.to_owned(),
        Ok(_) => return Some(path),
        Err(error) => problems::unreadable(&error),
    };
    let is_input = !found.input.contains("SSL_CERT_FILE");
    if is_input || requests.iter().any(|url| url.scheme() == "https") {
        sources.path_problem(&found, (wrong, problems::GIVE_PEM));
    }
    None
}

/// A folder that is not there is left out, as OpenSSL has it: distributions set the variable to where one might be.
fn folders(sources: &Sources<'_>) -> Vec<PathBuf> {
    let list = sources.env.get("SSL_CERT_DIR").unwrap_or_default();
    let folders = list.split(':').map(str::trim).filter(|folder| !folder.is_empty());
    folders.map(PathBuf::from).filter(|folder| folder.is_dir()).collect()
}
