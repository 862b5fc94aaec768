// Renders documents as GitHub would and checks that no table is wider than the column that a reader has.
//
//   BROWSER=/usr/bin/chromium node documents.mjs FOLDER DOCUMENT...      writes FOLDER/NAME.document.png

import { readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { githubPage, launch, tell } from "../browser.mjs";

// GitHub's column for a file, in a window of a common width.
const WIDTH = 830;

const [folder, ...documents] = process.argv.slice(2);

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

const browser = await launch();
for (const path of documents) {
  const page = await browser.newPage({ viewport: { width: WIDTH + 48, height: 900 } });
  await page.route(/^https?:/, (route) => route.abort());
  // From a file, so that the pictures beside it are found.
  await page.goto(pathToFileURL(resolve("LICENSE-MIT")).href);
  const head = `<base href="${pathToFileURL(resolve(path)).href}">`;
  await page.setContent(await githubPage(readFileSync(path), { head, width: WIDTH, sanitize: false }));
  await page.waitForLoadState("load");
  tell(`${path}, ${WIDTH} pixels wide`, await page.evaluate(findings));
  await page.screenshot({ path: join(folder, `${basename(path, ".md")}.document.png`), fullPage: true });
  await page.close();
}
await browser.close();
