//! Tests of `parts.rs`.

use super::*;

#[test]
fn the_secret_is_found_wherever_a_url_has_it() {
    for (path, query, wanted) in [
        ("/git/Zx9kkLONG/trigger", "", &["Zx9kkLONG"] as &[&str]),
        ("/hook/Zx9kkLONG/deploy.json", "", &["Zx9kkLONG"]),
        ("/hooks/Zx9kkLONG.json", "", &["Zx9kkLONG.json", "Zx9kkLONG"]),
        ("/hooks/Zx9kkLONG;v=1", "", &["Zx9kkLONG", "Zx9kkLONG;v=1"]),
        ("/hooks/deploy;token=abc123", "", &["abc123", "deploy;token=abc123"]),
        ("/hooks/deploy:Zx9kkLONG", "", &["deploy:Zx9kkLONG", "Zx9kkLONG"]),
        ("/hooks/onlysmallletters/run", "", &["onlysmallletters"]),
        ("/deploy", "Zx9kkLONG", &["Zx9kkLONG"]),
        ("/deploy", "Zx9kkLONG=", &["Zx9kkLONG"]),
        ("/deploy", "abc123", &["abc123"]),
        ("/deploy", "key=abc123", &["abc123"]),
        ("/deploy/production", "api_key=abc123&branch=production", &["abc123"]),
        ("/deploy", "x=Zx9kkLONG&y=LONG4q7Wz", &["Zx9kkLONG", "LONG4q7Wz"]),
        ("/deploy", "uuid=vgsco4o&force=false&t=abc1", &["vgsco4o", "abc1"]),
        ("/hooks/abc12", "", &["abc12"]),
        ("/git/abc12/trigger", "", &["abc12"]),
        ("/hooks/our-website-shop/abc12", "", &["our-website-shop", "abc12"]),
        ("/v2/projects/Zx9%2FkkLONG/webhooks/42", "", &["Zx9%2FkkLONG"]),
        ("/r/k9x2/long-segment-here/deploy", "", &["k9x2", "long-segment-here"]),
        ("/v1beta1/oauth2/web01/k9x2.json/Zx9kkLONG", "", &["k9x2.json", "Zx9kkLONG"]),
        ("/hooks/abcdefghij/abcd", "x=hunter2", &["hunter2", "abcdefghij", "abcd"]),
    ] {
        assert_eq!(secret_parts(path, query), wanted, "{path}?{query}");
    }
}

#[test]
fn a_short_key_is_found_whatever_else_is_secret() {
    for (query, wanted) in [
        ("k=s3cr3t", "s3cr3t"),
        ("t=abcd12", "abcd12"),
        ("x=hunter2", "hunter2"),
        ("k=secretive", "secretive"),
        ("s3cr3t", "s3cr3t"),
        ("s3cr3t=", "s3cr3t"),
        ("colour=aBcDeF", "aBcDeF"),
        ("id=ab-1234", "ab-1234"),
        ("id=12345678", "12345678"),
        ("auth[token]=abcd12", "abcd12"),
        ("auth%5Btoken%5D=abcdef", "abcdef"),
        ("auth.token=abcdef", "abcdef"),
        ("deployToken=abcdef", "abcdef"),
        ("APIKey2=abcdef", "abcdef"),
        ("variables[DEPLOY_KEY]=main", "main"),
        ("pin=123456", "123456"),
        ("user-pin=1234", "1234"),
        ("otp=123456", "123456"),
        ("code=123456", "123456"),
        ("branch_token=abcdef", "abcdef"),
        ("siteKey=abcdef", "abcdef"),
    ] {
        assert_eq!(secrets_of_query(query), [wanted], "{query}");
        assert!(secret_parts("/hooks/abcdefghij/run", query).iter().any(|part| part == wanted), "{query}");
    }
}

#[test]
fn what_is_no_secret_is_not_found() {
    for public in [
        "branch=production",
        "ref=refs/heads/feature-2026-long-name",
        "commit=0123456789abcdef0123456789abcdef01234567",
        "sha=0123456789abcdef0123456789abcdef01234567",
        "title=Release-2026-11-26",
        "trigger_title=Published+by+Jane",
        "environment=production",
        "serviceId=srv-d0c8k2h2dbo4c73b",
        "service_id=srv-d0c8k2h2dbo4c73b",
        "trigger_branch=feature/FOO-1234-bar-long",
        "git_branch=feature/FOO-1234-bar-long",
        "head_branch=feature/FOO-1234-bar-long",
        "gitbranch=feature/FOO-1234-bar-long",
        "deploy[branch]=feature/FOO-1234-bar-long",
        "commit_ref=0123456789abcdef0123456789abcdef01234567",
        "gitCommit=0123456789abcdef0123456789abcdef01234567",
        "commitSHA=0123456789abcdef0123456789abcdef01234567",
        "head=0123456789abcdef0123456789abcdef01234567",
        "head.sha=0123456789abcdef0123456789abcdef01234567",
        "deploy_title=Release-2026-11-26-Hotfix",
        "msg=Fix-2026-11-26-hotfix",
        "variables%5BDEPLOY_ENV%5D=review-4711ab",
        "site-region=eu-west-1a",
        "nocache=1732600000abc&commithash=0123456789abcdef&siteId=0123abcd",
        "php=8.3&log=verbose&colour=Blue&size=XXL&at=2026-11-26",
        "clearCache=true&force=false&dry=1&n=42",
        "auth=true",
        "colour=turquoise",
        "",
    ] {
        assert_eq!(secret_parts("/api/v1/deploy-hooks", &format!("{public}&token=Zx9kkLONG")), ["Zx9kkLONG"]);
    }
}

#[test]
fn a_path_is_distinguished_from_a_secret() {
    for secret in [
        "https://api.example.com/hooks/x",
        "Zx9kkLONGSTRINGq7Wm2Tt5RrVv8YyBb4NnHh1Jj",
        "frbit-at-0123456789abcdef0123456789abcdef",
        "api.example.com/hooks/Zx9kkLONGSTRINGq7Wm2Tt5RrVv8YyBb4NnHh1Jj",
        "ghp_0123456789abcdefghij",
    ] {
        assert!(could_be_secret(secret), "{secret}");
    }
    for plain in [
        "/etc/ssl/certs/ca-certificates-of-the-company-2026.pem",
        "secrets/deploy-hook-url-of-production.txt",
        "/builds/group/project.tmp/DEPLOY_HOOK_URL",
        "hook.txt",
    ] {
        assert!(!could_be_secret(plain), "{plain}");
    }
}
