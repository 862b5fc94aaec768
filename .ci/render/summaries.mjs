// Collects the job summaries: of every outcome as the program's own tests keep them (tests/it/snapshots), and of runs of the real program
// in an environment like that of GitHub's runner, with what is hostile, long or short.
// For check.mjs, which is given the program and a folder: FOLDER/NAME.md is written, and of how many runs each is exported.

import { execFile } from "node:child_process";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [program, folder] = process.argv.slice(2);

const ATTACK = '</td><img src=x onerror=alert(1)><script>alert(2)</script>|[x](javascript:alert(3)) `"\'** @octocat #1';

const DISPATCH = (action) => ({ name: "repository_dispatch", payload: { action } });
// Each: the arguments, and the event that began it.
const RUNS = {
  succeeded: { args: "--environment production --environment-url https://www.example.com/" },
  failed: { event: DISPATCH("cms-publish"), args: "--environment production --generation live --scenario build-fails" },
  "failed-post-deploy": {
    event: { name: "schedule", payload: { schedule: "17 4 * * *" } },
    args: "--environment production --generation live --scenario post-deploy-fails",
  },
  "failed-hostile": {
    event: DISPATCH(ATTACK),
    args: "--generation live --scenario hostile-log",
    more: ["--environment", ATTACK, "--environment-url", `https://example.com/?${ATTACK}`],
  },
  canceled: { args: "--environment staging --scenario canceled" },
  instant: { args: "--environment staging --scenario instant" },
  "unknown-state": { args: "--environment staging --scenario unknown-state" },
  "long-names": { args: `--environment ${"a-name-".repeat(28)} --environment-url https://example.com/${"long/".repeat(80)}` },
};

// A deployment that fails, fails the process: what it has written counts.
function run(name, { args, more = [], event = { name: "push" } }) {
  const file = (end) => join(folder, `${name}.${end}`);
  writeFileSync(file("event.json"), JSON.stringify(event.payload ?? {}));
  const env = {
    GITHUB_ACTIONS: "true",
    GITHUB_ACTOR: "octocat",
    GITHUB_EVENT_NAME: event.name,
    GITHUB_EVENT_PATH: file("event.json"),
    GITHUB_OUTPUT: file("output"),
    GITHUB_REF_NAME: "main",
    GITHUB_REPOSITORY: "octo/site",
    GITHUB_RUN_ID: "7",
    GITHUB_SERVER_URL: "https://github.com",
    GITHUB_SHA: "0123456789abcdef0123456789abcdef01234567",
    GITHUB_STEP_SUMMARY: file("md"),
  };
  const line = ["deploy", "--sandbox", "--report", "summary", ...args.split(" "), ...more];
  const how = { env, timeout: 60_000, killSignal: "SIGKILL" };
  return new Promise((done) => execFile(program, line, how, (_, out, log) => done(writeFileSync(file("log"), out + log))));
}

await Promise.all(Object.entries(RUNS).map(([name, how]) => run(name, how)));
export const summaries = Object.keys(RUNS).map((name) => ({ name, runs: 1 }));

// Two runs of one job, with another tool's words in between.
const read = (name) => readFileSync(join(folder, `${name}.md`), "utf8");
writeFileSync(join(folder, "two-runs.md"), `${read("canceled")}Another tool's words\n${read("failed")}`);
summaries.push({ name: "two-runs", runs: 2 });

// A snapshot has a head of its own between two lines of dashes.
const snapshots = "tests/it/snapshots";
const kept = readdirSync(snapshots).filter((file) => file.startsWith("it__text__summary_"));
if (!kept.length) throw new Error(`there is no summary in ${snapshots}`);
for (const file of kept) {
  const name = file.replace("it__text__", "").replace(".snap", "");
  writeFileSync(join(folder, `${name}.md`), readFileSync(join(snapshots, file), "utf8").replace(/^---\n.*?\n---\n/s, ""));
  summaries.push({ name, runs: 1 });
}
