// Renders each job summary, and documents, as GitHub would and checks what is to be seen, in a browser.
//
//   BROWSER=/usr/bin/chromium node check.mjs PROGRAM FOLDER DOCUMENT...     leaves FOLDER/NAME.md, .html and .png
//
// GitHub's Mermaid has a version of its own; an old and a new one are tried, and every summary in both colour schemes.

import { readFileSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { githubPage, launch, moduleFile, tell } from "../browser.mjs";
import { summaries } from "./summaries.mjs";

const [, folder, ...documents] = process.argv.slice(2);

// The width of GitHub's column for a summary, for a file in a window of a common width, and of a telephone.
const WIDE = 1012;
const FILE = 830;
const NARROW = 390;
// GitHub takes no more from one step.
const MOST = 1024 * 1024;

// The schemes differ in Mermaid's theme as well, and half the world's clocks are not a whole number of hours off.
const VIEWS = [
  { name: "light", colorScheme: "light", theme: "default", timezoneId: "Asia/Kolkata", mermaid: moduleFile("mermaid/dist/mermaid.min.js") },
  { name: "dark", colorScheme: "dark", theme: "dark", timezoneId: "America/New_York", mermaid: moduleFile("mermaid-10/dist/mermaid.min.js") },
];

// An outcome as a heading says it.
const title = (outcome) => `${outcome[0].toUpperCase()}${outcome.slice(1).replace("-", " ")}`;

// Runs in the page, before Mermaid: what came through the Markdown.
function read() {
  const main = document.querySelector("main");
  const all = [...main.querySelectorAll("*")];
  const plain = main.cloneNode(true);
  plain.querySelectorAll("pre, code").forEach((code) => code.remove());
  return {
    first: main.firstElementChild?.tagName,
    headings: [...main.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((heading) => heading.textContent),
    outcomes: [...main.querySelectorAll("table")].map((t) => t.querySelectorAll("th")[1]?.textContent),
    rules: main.querySelectorAll("hr").length,
    tags: [...new Set(all.map((element) => element.tagName.toLowerCase()))],
    attributes: [...new Set(all.flatMap((element) => element.getAttributeNames()))],
    links: [...main.querySelectorAll("a")].map((a) => a.href),
    text: plain.textContent,
    charts: main.querySelectorAll("code.language-mermaid").length,
  };
}

// Runs in the page: each chart's source becomes a picture, as wide as the column; returns what Mermaid says against them.
async function draw(theme) {
  const problems = [];
  mermaid.initialize({ startOnLoad: false, securityLevel: "strict", theme, gantt: { useWidth: document.querySelector("main").clientWidth } });
  for (const [n, code] of document.querySelectorAll("code.language-mermaid").entries()) {
    const chart = document.createElement("div");
    chart.className = "mermaid";
    try {
      chart.innerHTML = (await mermaid.render(`chart-${n}`, code.textContent)).svg;
    } catch (error) {
      problems.push(`Mermaid: ${error}`);
    }
    code.parentElement.replaceWith(chart);
  }
  return problems;
}

// Runs in the page, after Mermaid: what each picture shows.
function look() {
  return [...document.querySelectorAll(".mermaid")].map((chart) => {
    const svg = chart.querySelector("svg");
    if (!svg) return undefined;
    const box = svg.getBoundingClientRect();
    const light = (element) => {
      const part = (value) => ((value /= 255) <= 0.04 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
      const [r, g, b] = getComputedStyle(element).fill.match(/[\d.]+/g).map(Number);
      return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b) + 0.05;
    };
    // How a label that is inside of its bar stands out from it.
    const contrast = (bar) => {
      const label = document.getElementById(`${bar.id}-text`);
      if (/Outside/.test(label.getAttribute("class"))) return [];
      return [Math.max(light(bar) / light(label), light(label) / light(bar))];
    };
    const outside = (element) => {
      const { left, right } = element.getBoundingClientRect();
      return left < box.left - 1 || right > box.right + 1;
    };
    return {
      role: svg.getAttribute("aria-roledescription"),
      error: /syntax error/i.test(chart.textContent) || Boolean(svg.querySelector(".error-icon")),
      text: [...svg.querySelectorAll("text")].map((text) => text.textContent.trim()),
      bars: [...svg.querySelectorAll("rect.task")].map((bar) => bar.getBoundingClientRect().width),
      contrasts: [...svg.querySelectorAll("rect.task")].flatMap(contrast),
      outside: [...svg.querySelectorAll("text")].filter(outside).map((text) => text.textContent),
      ticks: [...svg.querySelectorAll(".grid .tick text")].map((tick) => tick.textContent),
      forbidden: svg.querySelectorAll("a, script, image, foreignObject").length,
    };
  });
}

const MAY = {
  tags: ["a", "blockquote", "br", "code", "details", "div", "em", "h3", "hr", "li", "p", "pre", "strong", "summary", "table", "tbody", "td", "th", "thead", "tr", "ul"],
  attributes: ["align", "class", "href", "open"],
};

// What is wrong with a summary in a view, as a list of sentences.
async function examine(context, view, { name, runs }) {
  const markdown = readFileSync(join(folder, `${name}.md`), "utf8");
  const wrong = [];
  const must = (what, holds) => holds || wrong.push(what);
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on("pageerror", (error) => wrong.push(`a script failed: ${error.message}`));
  page.on("dialog", (dialog) => (wrong.push(`a dialog opened: ${dialog.message()}`), dialog.dismiss()));
  // Nothing is loaded from anywhere: an attempt is a finding.
  await page.route("**", (route) => (wrong.push(`it asked for ${route.request().url()}`), route.abort()));
  await page.setViewportSize({ width: WIDE + 48, height: 600 });
  const text = await githubPage(markdown, { width: WIDE });
  await page.setContent(text);

  const seen = await page.evaluate(read);
  must(`it has ${Buffer.byteLength(markdown)} bytes`, Buffer.byteLength(markdown) < MOST);
  must(`it begins with ${seen.first}`, seen.first === "H3");
  must(`its headings are ${JSON.stringify(seen.headings)}`, seen.headings.length === runs);
  for (const heading of seen.headings) {
    const isReported = heading.includes("Bad input") || seen.outcomes.some((outcome) => heading.includes(` ${title(outcome)}`));
    must(`no table says the outcome of "${heading}"`, isReported);
  }
  must(`it has ${seen.rules} rules`, seen.rules === runs);
  for (const kind of ["tags", "attributes"]) {
    const strange = seen[kind].filter((one) => !MAY[kind].includes(one));
    must(`strange ${kind}: ${strange.join(" ")}`, strange.length === 0);
  }
  const elsewhere = seen.links.filter((link) => !/^https:\/\/((www|dashboard)\.)?example\.com\//.test(link));
  must(`links to ${elsewhere.join(" ")}`, elsewhere.length === 0);
  for (const stray of ["a heading outside the fence", "hidden -->", "section_start", "::error", "```", "gantt", "&lt;", "\\"]) {
    must(`"${stray}" stands outside of code`, !seen.text.includes(stray));
  }
  for (const call of ["@octocat", "#1"]) must(`"${call}" calls somebody`, !seen.text.includes(call));

  await page.addScriptTag({ path: view.mermaid });
  wrong.push(...(await page.evaluate(draw, view.theme)));
  const charts = (await page.evaluate(look)).filter(Boolean);
  const sources = markdown.split("\n```mermaid\n").slice(1).map((rest) => rest.split("\n```\n")[0]);
  must(`${charts.length} charts of ${sources.length}`, charts.length === sources.length && seen.charts === sources.length);
  charts.forEach((chart, n) => {
    const labels = sources[n].split("\n").filter((line) => line.includes(" :")).map((line) => line.split(" :")[0].trim());
    must("Mermaid shows its error picture", !chart.error);
    must(`the chart is a ${chart.role}`, chart.role === "gantt");
    must(`${chart.bars.length} bars of ${labels.length}`, chart.bars.length === labels.length);
    must("a bar is too thin to see", chart.bars.every((width) => width >= 2));
    must(`a label is hard to read on its bar: ${chart.contrasts}`, chart.contrasts.every((contrast) => contrast > 2.5));
    for (const label of labels) must(`"${label}" is not in the chart`, chart.text.includes(label));
    must(`outside of the chart: ${chart.outside.join(", ")}`, chart.outside.length === 0);
    must(`the axis begins with ${chart.ticks[0]}`, /^(0\.000s|0s|0m 00s|0h 00m)$/.test(chart.ticks[0]));
    must("the chart holds a link or more", chart.forbidden === 0);
  });

  for (const details of await page.locator("details").all()) {
    const inside = details.locator("pre, table").first();
    const isOpen = (await details.getAttribute("open")) !== null;
    const lines = (await inside.textContent()).trim().split("\n").length;
    must(`${lines} lines of a log are ${isOpen ? "open" : "folded"}`, isOpen === lines <= 14);
    must("what is open is not visible, or what is folded is", isOpen === (await inside.isVisible()));
    await details.locator("summary").click();
    must("a click changes nothing", isOpen !== (await inside.isVisible()));
    await details.locator("summary").click();
  }
  for (const width of [NARROW, WIDE + 48]) {
    await page.setViewportSize({ width, height: 600 });
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    must(`${wider} pixels wider than a window of ${width}`, wider <= 0);
  }
  writeFileSync(join(folder, `${name}.html`), text);
  await page.screenshot({ path: join(folder, `${name}.${view.name}.png`), fullPage: true });
  await page.close();
  return wrong;
}

// Runs in the page: the tables that do not fit, by their first line, and cells so narrow that every word is a line.
function findings() {
  const wrong = [];
  for (const table of document.querySelectorAll("table")) {
    const name = table.querySelector("tr").textContent.trim().replace(/\s+/g, " | ");
    if (table.scrollWidth > table.clientWidth) wrong.push(`the table "${name}" is ${table.scrollWidth} pixels wide, of ${table.clientWidth}`);
    for (const cell of table.querySelectorAll("td")) {
      if (cell.clientHeight > 400) wrong.push(`a cell of "${name}" is ${cell.clientHeight} pixels high: ${cell.textContent.slice(0, 40)}`);
    }
  }
  for (const picture of document.querySelectorAll("img[src^='docs/']")) if (!picture.naturalWidth) wrong.push(`no picture: ${picture.src}`);
  return wrong;
}

// A document, from a file, so that the pictures beside it are found.
async function examineDocument(path) {
  const page = await browser.newPage({ viewport: { width: FILE + 48, height: 900 } });
  await page.route(/^https?:/, (route) => route.abort());
  await page.goto(pathToFileURL(resolve("LICENSE-MIT")).href);
  const head = `<base href="${pathToFileURL(resolve(path)).href}">`;
  await page.setContent(await githubPage(readFileSync(path), { head, width: FILE, sanitize: false }));
  await page.screenshot({ path: join(folder, `${basename(path, ".md")}.document.png`), fullPage: true });
  const wrong = await page.evaluate(findings);
  await page.close();
  return wrong;
}

const browser = await launch();
for (const view of VIEWS) {
  const { name, colorScheme, timezoneId } = view;
  const context = await browser.newContext({ colorScheme, timezoneId, deviceScaleFactor: 1.5 });
  for (const summary of summaries) tell(`${summary.name}, ${name}`, await examine(context, view, summary));
  await context.close();
}
for (const path of documents) tell(`${path}, ${FILE} pixels wide`, await examineDocument(path));
await browser.close();
