// Brings about every outcome with the real program, in an environment like that of GitHub's runner, and keeps the job summaries.
//
//   node outcomes.mjs PROGRAM FOLDER      writes FOLDER/NAME.md, and FOLDER/outcomes.json: what each must show

import { spawn } from "node:child_process";
import { once } from "node:events";
import { openSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

const [program, folder] = process.argv.slice(2);

const ATTACK = '</td><img src=x onerror=alert(1)><script>alert(2)</script>|[x](javascript:alert(3)) `"\'** @octocat #1';

const DISPATCH = (action) => ({ name: "repository_dispatch", payload: { action } });
// Each: the arguments, which outcome its summary must show unless that is its name, and the event that began it.
const RUNS = {
  succeeded: { args: "--environment production --environment-url https://www.example.com/" },
  failed: { event: DISPATCH("cms-publish"), args: "--environment production --generation live --scenario build-fails --report summary,status,check" },
  "failed-post-deploy": {
    outcome: "failed",
    event: { name: "schedule", payload: { schedule: "17 4 * * *" } },
    args: "--environment production --generation live --scenario post-deploy-fails",
  },
  "failed-hostile": {
    outcome: "failed",
    event: DISPATCH(ATTACK),
    args: "--generation live --scenario hostile-log",
    more: ["--environment", ATTACK, "--environment-url", `https://example.com/?${ATTACK}`],
  },
  canceled: { args: "--environment staging --scenario canceled" },
  superseded: { args: "--environment staging --scenario superseded" },
  triggered: { args: "--environment staging --wait never" },
  "timed-out": { args: "--environment staging --scenario stuck --timeout 2s" },
  lost: { args: "--environment staging --scenario vanishes" },
  refused: { args: "--environment staging --scenario forbidden" },
  unreachable: { sandbox: false, env: { DEPLOY_HOOK_URL: "http://127.0.0.1:1/v1/deploy-hook/LONGSTRING" }, args: "--environment staging" },
  uncertain: { args: "--environment staging --generation live --scenario answer-lost-nothing-started" },
  interrupted: { args: "--environment staging --scenario stuck", interruptAfter: 1500 },
  skipped: { sandbox: false, args: "--environment preview --if-missing skip" },
  "bad-input": { sandbox: false, args: "--environment staging --timeout 5" },
  instant: { outcome: "succeeded", args: "--environment staging --scenario instant" },
  "unknown-state": { outcome: "succeeded", args: "--environment staging --scenario unknown-state" },
  "long-names": { outcome: "succeeded", args: `--environment ${"a-name-".repeat(28)} --environment-url https://example.com/${"long/".repeat(80)}` },
};

// GitHub's API, as a token sees it that may write statuses and nothing else.
const github = createServer((request, answer) => {
  const mayWrite = request.url.includes("/statuses/");
  answer.writeHead(mayWrite ? 201 : 403, { "content-type": "application/json" });
  answer.end(JSON.stringify(mayWrite ? { id: 1 } : { message: "Resource not accessible by integration" }));
  request.resume();
});

async function run(name, { sandbox = true, args, more = [], env = {}, event = { name: "push" }, interruptAfter }) {
  const file = (end) => join(folder, `${name}.${end}`);
  writeFileSync(file("event.json"), JSON.stringify(event.payload ?? {}));
  const log = openSync(file("log"), "w");
  const child = spawn(program, ["deploy", ...(sandbox ? ["--sandbox"] : []), ...args.split(" "), ...more], {
    env: {
      GITHUB_ACTIONS: "true",
      GITHUB_ACTOR: "octocat",
      GITHUB_API_URL: `http://127.0.0.1:${github.address().port}`,
      GITHUB_EVENT_NAME: event.name,
      GITHUB_EVENT_PATH: file("event.json"),
      GITHUB_OUTPUT: file("output"),
      GITHUB_REF_NAME: "main",
      GITHUB_REPOSITORY: "octo/site",
      GITHUB_RUN_ID: "7",
      GITHUB_SERVER_URL: "https://github.com",
      GITHUB_SHA: "0123456789abcdef0123456789abcdef01234567",
      GITHUB_STEP_SUMMARY: file("md"),
      "INPUT_GITHUB-TOKEN": "a-token-of-nobody",
      ...env,
    },
    stdio: ["ignore", log, log],
    timeout: interruptAfter ?? 60_000,
    killSignal: interruptAfter ? "SIGINT" : "SIGKILL",
  });
  await once(child, "close");
}

github.listen(0, "127.0.0.1");
await once(github, "listening");
await Promise.all(Object.entries(RUNS).map(([name, how]) => run(name, how)));
github.close();

// Two runs of one job, with another tool's words in between.
const read = (name) => readFileSync(join(folder, `${name}.md`), "utf8");
writeFileSync(join(folder, "two-runs.md"), `${read("canceled")}Another tool's words\n${read("failed")}`);

const expected = Object.entries(RUNS).map(([name, { outcome }]) => ({ name, outcomes: [outcome ?? name] }));
expected.push({ name: "two-runs", outcomes: ["canceled", "failed"] });
writeFileSync(join(folder, "outcomes.json"), JSON.stringify(expected));
