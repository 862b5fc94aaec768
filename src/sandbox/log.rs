//! The build logs of the scenarios: what composer, npm and the platform would have written.

/// Lines with the second, at speed 1 and counted from the trigger, in which they were written.
pub(super) type Lines = &'static [(f64, &'static str)];

/// Stands for the URL of the hook that started the deployment.
pub(super) const HOOK: &str = "{hook}";
/// Stands for a run of 5,000 letters.
pub(super) const LONG: &str = "{long}";

pub(super) const START: Lines = &[
    (0.0, "Deployment queued"),
    (4.0, "Build started"),
    (4.4, "Allocating build container (php 8.4, node 24)"),
    (7.0, "Syncing code from branch main"),
    (11.2, "HEAD is now at the pushed commit"),
];

pub(super) const BUILD: Lines = &[
    (12.1, "$ composer install --no-dev --prefer-dist --optimize-autoloader"),
    (12.9, "Installing dependencies from lock file"),
    (13.0, "Verifying lock file contents can be installed on current platform."),
    (13.4, "Package operations: 87 installs, 0 updates, 0 removals"),
    (14.0, "  - Downloading symfony/deprecation-contracts (v3.6.0)"),
    (14.3, "  - Downloading symfony/polyfill-mbstring (v1.33.0)"),
    (15.1, "  - Downloading craftcms/cms (5.8.21)"),
    (17.8, "  - Installing symfony/deprecation-contracts (v3.6.0): Extracting archive"),
    (18.0, "  - Installing symfony/polyfill-mbstring (v1.33.0): Extracting archive"),
    (20.6, "  - Installing craftcms/cms (5.8.21): Extracting archive"),
    (22.2, "Generating optimized autoload files"),
    (24.0, "64 packages you are using are looking for funding."),
    (24.1, "$ npm ci"),
    (30.8, "added 412 packages, and audited 413 packages in 7s"),
    (31.0, "found 0 vulnerabilities"),
    (31.2, "$ npm run build"),
    (31.6, "> site@1.0.0 build"),
    (31.7, "> vite build"),
    (32.4, "vite v7.1.12 building for production..."),
    (32.6, "transforming..."),
];

pub(super) const BUILT: Lines = &[
    (44.9, "\u{2713} 1284 modules transformed."),
    (46.0, "rendering chunks..."),
    (47.2, "dist/assets/app-B1x4Vq.js  142.18 kB | gzip: 48.02 kB"),
    (48.0, "\u{2713} built in 15.83s"),
    (51.7, "Build finished"),
    (52.3, "Deploying the new release"),
    (63.8, "The new release is live"),
];

pub(super) const DONE: Lines = &[
    (64.2, "$ php craft up --interactive=0"),
    (68.9, "No new migrations found. Your system is up to date."),
    (70.0, "Deployment finished"),
];

pub(super) const BUILD_FAILED: Lines = &[
    (36.1, "\u{2717} Build failed in 3.66s"),
    (36.2, "error during build:"),
    (36.2, "[vite]: Rollup failed to resolve import \"./components/Hero.vue\" from \"/app/src/main.js\"."),
    (36.2, "    at viteLog (file:///app/node_modules/vite/dist/node/chunks/config.js:33635:57)"),
    (36.3, "npm error code ELIFECYCLE"),
    (36.3, "npm error errno 1"),
    (36.4, "npm error site@1.0.0 build: `vite build`"),
    (36.4, "npm error Exit status 1"),
    (36.9, "Build command `npm run build` failed with exit code 1"),
    (37.0, "Deployment failed. The previous release stays live."),
];

pub(super) const POST_DEPLOY_FAILED: Lines = &[
    (64.2, "$ php craft up --interactive=0"),
    (66.0, "*** applying m251104_101500_add_teaser_field"),
    (68.7, "SQLSTATE[42S21]: Column already exists: 1060 Duplicate column name 'teaser'"),
    (69.0, "*** failed to apply m251104_101500_add_teaser_field (time: 2.7s)"),
    (69.6, "Post-deploy command `php craft up --interactive=0` failed with exit code 1"),
    (70.0, "Deployment failed after the release was switched: the new code is live."),
];

pub(super) const CANCELED: Lines =
    &[(37.0, "Deployment canceled by a user. The previous release stays live.")];

pub(super) const ECHO: Lines = &[(33.0, "env: DEPLOY_HOOK_URL={hook}"), (33.1, "GET {hook} 404 (not found)")];

/// Each line is an attack on whatever prints it: a CI runner, a terminal, Markdown, a reader.
pub(super) const HOSTILE: Lines = &[
    (12.0, "::set-output name=x::y"),
    (12.1, "  ::error file=a.rs,line=1::a forged annotation"),
    (12.2, "##[error]a forged error"),
    (12.3, "::add-mask::e"),
    (12.4, "::stop-commands::0123456789"),
    (12.5, "section_start:1700000000:forged[collapsed=true]\r\u{1b}[0KForged section"),
    (12.6, "\u{1b}[2J\u{1b}[31mred\u{1b}[0m \u{1b}]0;a title\u{7} \u{1b}]8;;https://example.com\u{1b}\\link"),
    (12.7, "progress 10%\rprogress 90%\r::warning::after a carriage return"),
    (12.8, "two lines\n::error::in one entry"),
    (12.9, "</details><script>alert(1)</script><img src=x onerror=alert(1)>"),
    (13.0, "```\n# a heading outside the fence\n~~~~"),
    (13.1, "[click](javascript:alert(1)) @octocat #1 <!-- hidden -->"),
    (13.2, "{long}"),
    (13.3, "abc\u{202e}gnp.exe\u{202c} zero\u{200b}width \u{feff}bom nul\u{0}"),
];
