// Renders documents as GitHub would and checks that no table is wider than the column that a reader has.
//
//   BROWSER=/usr/bin/chromium node documents.mjs FOLDER DOCUMENT...      writes FOLDER/NAME.document.png

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import rehypeRaw from "rehype-raw";
import rehypeStringify from "rehype-stringify";
import remarkGfm from "remark-gfm";
import remarkParse from "remark-parse";
import remarkRehype from "remark-rehype";
import { unified } from "unified";

// GitHub's column for a file, in a window of a common width.
const WIDTH = 830;

const [folder, ...documents] = process.argv.slice(2);
const style = readFileSync(createRequire(import.meta.url).resolve("github-markdown-css/github-markdown.css"), "utf8");
const github = unified().use(remarkParse).use(remarkGfm).use(remarkRehype, { allowDangerousHtml: true }).use(rehypeRaw).use(rehypeStringify);

// Runs in the page: the tables that do not fit, by their first line, and cells so narrow that every word is a line.
function wide() {
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

const browser = await chromium.launch({ executablePath: process.env.BROWSER, args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"] });
for (const path of documents) {
  const page = await browser.newPage({ viewport: { width: WIDTH, height: 900 } });
  await page.route(/^https?:/, (route) => route.abort());
  const text = await github.process(readFileSync(path));
  // From a file, so that the pictures beside it are found.
  await page.goto(pathToFileURL(resolve("LICENSE-MIT")).href);
  await page.setContent(`<!doctype html><base href="${pathToFileURL(resolve(path)).href}"><meta charset="utf-8"><style>${style}
    body { margin: 0; } .markdown-body :is(code, pre) { font-family: "Liberation Mono", monospace; }</style><body class="markdown-body">${text}`);
  await page.waitForLoadState("load");
  const wrong = await page.evaluate(wide);
  console.log([`${wrong.length ? "✗" : "✓"} ${path}, ${WIDTH} pixels wide`, ...wrong].join("\n    "));
  await page.screenshot({ path: join(folder, `${basename(path, ".md")}.document.png`), fullPage: true });
  await page.close();
  if (wrong.length) process.exitCode = 1;
}
await browser.close();
