// Uses the sandbox's dashboard as a person would.
//
//   BROWSER=/usr/bin/chromium node check.mjs PROGRAM FOLDER     leaves FOLDER/NAME.png
//
// Nothing here is asserted to be quick: every wait ends when what is waited for is there, or after a minute.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { launch } from "../browser.mjs";

const [program, folder] = process.argv.slice(2);
// Enough to see stages pass; the tests wait for them and do not count.
const SPEED = "60";

const running = [];

// A sandbox, and the values that it prints.
async function sandbox(...options) {
  const child = spawn(program, ["sandbox", "--speed", SPEED, ...options], { stdio: ["ignore", "pipe", "ignore"] });
  running.push(child);
  const values = {};
  for await (const line of createInterface({ input: child.stdout })) {
    const [name, value] = line.split(/=(.*)/);
    values[name] = value;
    if (name === "manage") break;
  }
  child.stdout.resume();
  return { child, values, url: values.manage };
}

// Ends it as Ctrl-C does, and returns its exit code.
async function interrupt(child) {
  child.kill("SIGINT");
  return (await once(child, "exit"))[0];
}

async function open(browser, url, options = {}) {
  const page = await browser.newPage({ viewport: { width: 1000, height: 900 }, ...options });
  page.setDefaultTimeout(60_000);
  page.problems = [];
  page.loads = 0;
  page.on("console", (message) => message.type() === "error" && page.problems.push(message.text()));
  page.on("pageerror", (error) => page.problems.push(String(error)));
  page.on("load", () => page.loads++);
  await page.goto(url);
  await page.locator("#live.on").waitFor();
  await page.locator("section").first().waitFor();
  return page;
}

const deployments = (page) => page.locator(".deployments > li");
const newest = (page) => deployments(page).first();

// Presses the button, and waits for the new deployment and for its end.
async function trigger(page, meaning) {
  const before = await deployments(page).count();
  await page.getByRole("button", { name: "Trigger" }).click();
  await deployments(page).nth(before).waitFor();
  await page.locator(`.deployments > li.${meaning}:first-child`).waitFor();
  assert.equal(await deployments(page).count(), before + 1);
}

// Chooses a scenario, by a part of what is said about it, and deploys.
async function show(page, scenario, about, meaning) {
  await pick(page, "Scenario", scenario);
  await page.locator("#about").getByText(about).waitFor();
  await trigger(page, meaning);
}
const pick = (page, label, value) => page.getByRole("combobox", { name: label, exact: true }).selectOption(value);

// Trigger, stages as they come, the end: without a reload.
async function follow(page) {
  assert.equal(await deployments(page).count(), 1, "the deployment from before");
  await page.getByRole("button", { name: "Trigger" }).click();
  await deployments(page).nth(1).waitFor();
  await page.locator("output .ok").waitFor();
  // The page's own memory of every word it has shown.
  await page.waitForFunction(() => document.querySelectorAll(".deployments > li:first-child .stages li").length > 1);
  await page.locator(".deployments > li.succeeded:first-child").waitFor();
  const stages = await newest(page).locator(".stages li").allTextContents();
  assert.deepEqual(stages.map((one) => one.split(" ")[0]), ["PENDING", "ALLOCATING", "SYNCING", "BUILDING", "DEPLOYING", "POST_DEPLOY", "SUCCEEDED"]);
  await newest(page).locator("summary").click();
  await newest(page).getByText("Deployment finished").waitFor();
}

async function fails(page) {
  await show(page, "build-fails", "The build fails", "failed");
  assert.match(await newest(page).locator(".state").textContent(), /FAILED/);
  await newest(page).locator("summary").click();
  await newest(page).getByText("exit code 1").waitFor();
  // What a hostile log says is a text.
  await show(page, "hostile-log", "tries to command", "failed");
  await newest(page).locator("summary").click();
  await newest(page).locator("pre").getByText("::error").first().waitFor();
  assert.equal(await newest(page).locator("pre > *").count(), 0);
  assert.ok(!/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(await newest(page).locator("pre").textContent()));
  // A fault of the trigger is shown, and starts no second deployment.
  await show(page, "answer-lost", "accepted, then the connection closes", "succeeded");
  await page.locator("output .no").getByText("closed without an answer").waitFor();
}

async function copies(page, values) {
  const copied = async (what) => {
    await page.getByRole("button", { name: `Copy the ${what}` }).first().click();
    await page.getByText("Copied").waitFor();
    const text = await page.evaluate(() => navigator.clipboard.readText());
    await page.getByText("Copied").waitFor({ state: "detached" });
    return text;
  };
  assert.equal(await copied("curl command"), `curl -X POST '${values["hook-url"]}'`);
  const command = await copied("deploy-hook command");
  for (const value of [values["hook-url"], values["api-token"], values.manage]) assert.ok(command.includes(value), value);
}

async function revokes(page, url) {
  const used = (await page.locator(".copy code").first().textContent()).match(/'(http[^']+)'/)[1];
  await page.getByRole("button", { name: "Revoke" }).click();
  await page.getByText("No hook is enabled").waitFor();
  assert.equal(await page.getByRole("button", { name: "Trigger" }).count(), 0);
  assert.equal((await fetch(used, { method: "POST" })).status, 410);
  // By the keyboard alone.
  await page.getByRole("button", { name: "Enable" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Trigger" }).waitFor();
  assert.notEqual(await page.locator(".copy code").first().textContent(), `curl -X POST '${used}'`);
  await page.getByRole("button", { name: "New environment" }).press("Enter");
  await page.locator("section").nth(1).waitFor();
}

// Every platform: its hook takes the trigger, and its deployment comes to its end.
async function everyPlatform(page) {
  await pick(page, "Speed", "1000");
  const names = await page.locator("#platform option").allTextContents();
  assert.equal(names.length, 12);
  for (const name of names) {
    const before = await page.locator("h2").first().textContent();
    await pick(page, "Platform", name);
    await page.locator("h2").getByText(before).waitFor({ state: "detached" });
    assert.ok((await page.locator(".copy code").nth(1).textContent()).includes(`--platform ${name}`), name);
    await trigger(page, "succeeded");
    await page.locator("output .ok").waitFor();
  }
}

// Every control has a name, and nothing is wider than the window.
async function readable(page, what) {
  const found = await page.evaluate(() => {
    const nameless = [...document.querySelectorAll("button, select, a, summary, [role=log]")].filter(
      (one) => one.checkVisibility() && !(one.ariaLabel || one.textContent.trim() || one.labels?.length));
    return { nameless: nameless.map((one) => one.outerHTML), wide: document.documentElement.scrollWidth - innerWidth };
  });
  assert.deepEqual(found.nameless, [], what);
  assert.ok(found.wide <= 0, `${what}: ${found.wide} pixels too wide`);
}

async function pictures(browser, url) {
  for (const colorScheme of ["light", "dark"]) {
    for (const [ending, width] of [["", 1000], ["-narrow", 400]]) {
      const name = `${colorScheme}${ending}`;
      const page = await open(browser, url, { colorScheme, viewport: { width, height: 900 } });
      await page.locator(".deployments .failed summary").click();
      await page.locator("pre[role=log]").getByText("exit code 1").waitFor();
      await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
      if (name === "light") {
        // That of the documents: small, so without what is below.
        const session = await page.context().newCDPSession(page);
        const clip = { x: 20, y: 0, width: 960, height: 800, scale: 1 };
        const { data } = await session.send("Page.captureScreenshot", { format: "webp", quality: 70, clip });
        writeFileSync(join(folder, "picture.webp"), Buffer.from(data, "base64"));
      }
      await readable(page, name);
      await page.close();
    }
  }
}

// It comes back by itself: to the same port, another sandbox with another token.
async function reconnects(browser) {
  const first = await sandbox();
  const page = await open(browser, first.url);
  const id = await page.locator("h2").textContent();
  await interrupt(first.child);
  await page.getByText("Reconnecting").waitFor();
  await sandbox("--port", new URL(first.url).port, "--platform", "render");
  await page.locator("h2").getByText("srv-").waitFor();
  assert.notEqual(await page.locator("h2").textContent(), id);
  await page.locator("#live.on").waitFor();
  await page.close();
}

// Another site's page, in the same browser, can do nothing here.
async function foreign(browser, { url, values }) {
  const page = await browser.newPage();
  const other = await sandbox("--platform", "render");
  await page.goto(`${other.url}/sandbox`);
  const requests = [
    { method: "GET", path: "", mode: "cors", expected: "refused" },
    { method: "PUT", path: "/scenario", mode: "cors", expected: "refused" },
    { method: "POST", path: "/environments", mode: "no-cors", expected: "opaque" },
    { method: "POST", path: "/environments/x/trigger", mode: "no-cors", expected: "opaque" },
    { method: "GET", path: "/page/events", mode: "cors", expected: "refused" },
  ];
  for (const { method, path, mode, expected } of requests) {
    const options = { method, mode, body: method === "GET" ? undefined : "{}" };
    const request = ([url, options]) => fetch(url, options).then((answer) => answer.type, () => "refused");
    assert.equal(await page.evaluate(request, [`${url}/sandbox${path}`, options]), expected, path);
  }
  const after = await (await fetch(`${values.manage}/sandbox`)).json();
  assert.equal(after.environments.length, 1);
  await page.close();
}

const browser = await launch();
try {
  const first = await sandbox();
  await foreign(browser, first);
  const page = await open(browser, first.url);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"], { origin: first.url });
  await follow(page);
  await copies(page, first.values);
  await fails(page);
  await revokes(page, first.url);
  assert.equal(page.loads, 1, "the page was loaded once");

  const shown = await sandbox();
  const manage = `${shown.url}/sandbox`;
  for (const scenario of ["success", "build-fails", "slow"]) {
    await fetch(`${manage}/scenario`, { method: "PUT", body: JSON.stringify({ name: scenario }) });
    await fetch(shown.values["hook-url"], { method: "POST" });
    const over = async () => (await (await fetch(manage)).json()).environments[0].deployments[0].endedAt;
    while (scenario !== "slow" && !(await over())) await pause(50);
  }
  await pictures(browser, shown.url);

  await everyPlatform(page);
  assert.equal(page.loads, 1, "the page was loaded once");
  assert.deepEqual(page.problems, []);
  await reconnects(browser);
  assert.equal(await interrupt(first.child), 0, "it ends at once although a page listens");
  console.log("the dashboard: trigger, stages, log, copy, revoke, scenarios, platforms, reconnect, foreign pages");
} finally {
  await browser.close();
  for (const child of running) child.kill("SIGKILL");
}
