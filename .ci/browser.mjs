// What the checks in a browser share: the browser, Markdown as GitHub shows it, and how findings are reported.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import rehypeRaw from "rehype-raw";
import rehypeSanitize from "rehype-sanitize";
import rehypeStringify from "rehype-stringify";
import remarkGfm from "remark-gfm";
import remarkParse from "remark-parse";
import remarkRehype from "remark-rehype";
import { unified } from "unified";

export const moduleFile = (name) => createRequire(import.meta.url).resolve(name);

// Without what a browser does on the network by itself.
const QUIET = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
export const launch = () => chromium.launch({ executablePath: process.env.BROWSER, args: ["--no-sandbox", "--disable-gpu", ...QUIET] });

const style = readFileSync(moduleFile("github-markdown-css/github-markdown.css"), "utf8");

// A page with this Markdown. The schema of rehype-sanitize is GitHub's own; images with addresses of their own do not pass it.
export async function githubPage(markdown, { head = "", width, sanitize = true } = {}) {
  const pipeline = unified().use(remarkParse).use(remarkGfm).use(remarkRehype, { allowDangerousHtml: true }).use(rehypeRaw);
  if (sanitize) pipeline.use(rehypeSanitize);
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>A page at GitHub</title>${head}<style>${style}
    body { margin: 0; padding: 24px; background: var(--bgColor-default); }
    .markdown-body { max-width: ${width}px; margin: auto; }
    .markdown-body :is(code, pre) { font-family: "Liberation Mono", monospace; }
    .mermaid { background: none !important; text-align: center; }
  </style><body class="markdown-body"><main>${await pipeline.use(rehypeStringify).process(markdown)}</main></body></html>`;
}

// One line for what was examined, and one for each finding. With any, the process fails.
export function tell(what, wrong) {
  if (wrong.length) process.exitCode = 1;
  console.log([`${wrong.length ? "✗" : "✓"} ${what}`, ...wrong].join("\n    "));
}
