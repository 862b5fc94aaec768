//! Tests of `Http`.

use super::*;

#[test]
fn a_client_for_another_run_hides_the_secrets_of_that_run() {
    let redactor = |secret: &str| Redactor::default().with([secret.to_owned()]);
    let one = Http::new(&Network::default(), false, redactor("not-a-secret-one")).unwrap();
    let other = one.with_redactor(redactor("not-a-secret-two"));
    let hides = |http: &Http| {
        ["not-a-secret-one", "not-a-secret-two"].map(|text| http.redactor().redact(text) != text)
    };
    assert_eq!([hides(&one), hides(&other)], [[true, false], [false, true]]);
}

#[tokio::test]
async fn a_request_that_cannot_be_made_was_not_sent() {
    let http = Http::new(&Network::default(), false, Redactor::default()).unwrap();
    let url = Url::parse(&format!("http://127.0.0.1:9/{}", "a".repeat(65_600))).unwrap();
    let limit = Duration::from_secs(5);
    let post = Post { url: &url, credential: None, headers: &[], body: None };
    for result in [http.post_alone(post, limit).await, http.send(Method::GET, &url, None, None, limit).await]
    {
        let why = match result {
            Err(RequestError::NotSent(NotSent { why, .. })) => Some(why),
            _ => None,
        };
        assert_eq!(why, Some(NotSentReason::Invalid));
    }
}
