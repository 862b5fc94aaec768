// The dashboard. Whatever comes from outside becomes a text, never HTML.
"use strict";
const token = document.querySelector("meta[name=sandbox-token]").content;
const $ = (id) => document.getElementById(id);
const SIGNS = { succeeded: "✓", failed: "✕", canceled: "⊘", superseded: "⊘", unknown: "?" };
let state, skew = 0, stream, scenarios = {}, described;

function el(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}
const set = (node, key, value) => { if (node[key] !== value) node[key] = value; };
const say = (node, text) => set(node, "textContent", text);
const seconds = (ms) => (ms < 59950 ? `${(ms / 1000).toFixed(1)} s` : `${Math.floor(ms / 60000)} m ${Math.floor(ms / 1000) % 60} s`);
const clock = (ms) => new Date(ms).toLocaleTimeString();
// Control characters and those that change the direction of a text are shown and have no effect.
const plain = (text) => text.replace(/[^\S \n\t]|(?![\n\t])[\p{Cc}\p{Cf}]/gu, "\u{FFFD}");

async function ask(method, path, body) {
  const answer = await fetch(path, { method, body: body && JSON.stringify(body), headers: { "x-sandbox-token": token }, redirect: "error" })
    .catch(() => { throw Error("The sandbox does not answer. Is it still running?"); });
  const data = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw Error(data.error);
  return data;
}
function fail(error) {
  say($("error"), error ? error.message : "");
  $("error").hidden = !error;
}
async function act(button, work) {
  button.disabled = true;
  fail();
  try { await work(); } catch (error) { fail(error); }
  button.disabled = false;
  if (document.activeElement === document.body && button.isConnected && !button.hidden) button.focus();
}
const button = (label, work, className = "") => {
  const node = el("button", className, label);
  node.type = "button";
  node.onclick = () => act(node, work);
  return node;
};

// Keeps the node of each item, so that focus, selection and open logs stay.
function keep(parent, items, make) {
  const old = new Map([...parent.children].map((node) => [node.key, node]));
  let at = parent.firstChild;
  for (const item of items) {
    const node = old.get(item.id) || Object.assign(make(item.id), { key: item.id });
    old.delete(item.id);
    if (node === at) at = at.nextSibling; else parent.insertBefore(node, at);
    node.show(item);
  }
  for (const node of old.values()) node.remove();
}
function choices(select, values, chosen, label = (value) => value) {
  const key = String(values);
  if (select.key !== key) {
    select.key = key;
    select.replaceChildren(...values.map((value) => new Option(label(value), value)));
  }
  set(select, "value", String(chosen));
}

function copyLine(what) {
  const code = el("code");
  code.tabIndex = 0;
  const copy = button("Copy", async () => {
    getSelection().selectAllChildren(code);
    await navigator.clipboard.writeText(code.textContent);
    say(copy, "Copied");
    setTimeout(() => say(copy, "Copy"), 2000);
  });
  const row = el("div", "copy", code, copy);
  row.show = (text, id) => {
    say(code, text);
    code.ariaLabel = `${what} for ${id}`;
    copy.ariaLabel = `Copy the ${what} for ${id}`;
  };
  return row;
}

function environment(id) {
  const path = `/sandbox/environments/${encodeURIComponent(id)}`;
  const site = el("a", "", "Open the site");
  site.target = "_blank";
  const hook = el("span", "meta");
  const form = el("select");
  form.ariaLabel = "Kind of hook";
  const answer = el("output");
  const trigger = button("Trigger", async () => {
    const got = await ask("POST", `${path}/trigger`);
    const lost = { closed: "The connection closed without an answer", reset: "The connection was reset", cut: `HTTP ${got.status}, cut off` }[got.connection];
    const head = el("b", !lost && got.status < 300 ? "ok" : "no", lost || `HTTP ${got.status}`);
    answer.replaceChildren(head, ...(got.body ? [el("pre", "", plain(got.body) + (got.isWhole || lost ? "" : "…"))] : []));
  }, "main");
  const enable = button("Enable", () => ask("POST", `${path}/hook`, { generation: form.value }));
  const revoke = button("Revoke", () => ask("DELETE", `${path}/hook`));
  const curl = copyLine("curl command");
  const command = copyLine("deploy-hook command");
  const lines = el("div", "", el("h3", "", "From a terminal"), curl, command);
  const list = el("ol", "deployments");
  const none = el("p", "meta");
  const node = el("section", "",
    el("div", "row", el("h2", "", id), site),
    el("div", "row tools", hook, trigger, form, enable, revoke), answer, lines,
    el("h3", "", "Deployments"), list, none);
  node.ariaLabel = `Environment ${id}`;
  node.show = (item) => {
    const on = item.hook;
    site.hidden = !item.site;
    if (item.site) site.href = item.site;
    say(hook, on ? `Hook “${on.form}”, enabled at ${clock(on.enabledAt)}` : "No hook is enabled");
    trigger.hidden = revoke.hidden = lines.hidden = !on;
    choices(form, state.hooks, form.value || state.hooks[0]);
    form.hidden = state.hooks.length < 2;
    say(enable, on ? "Replace" : "Enable");
    if (on) { curl.show(on.curl, id); command.show(on.command, id); }
    keep(list, item.deployments, deployment);
    say(none, item.older ? `and ${item.older} older` : item.deployments.length ? "" : "None yet.");
  };
  return node;
}

function deployment(id) {
  const word = el("b", "state"), meta = el("span", "meta"), time = el("span", "meta time");
  const bar = el("div", "bar"), stages = el("ol", "stages"), log = el("pre");
  bar.ariaHidden = true;
  Object.assign(log, { tabIndex: 0, role: "log", ariaLabel: `Log of ${id}` });
  const summary = el("summary");
  const details = el("details", "", summary, log);
  const node = el("li", "", el("div", "row", el("code", "", id), word, meta, time), bar, stages, details);
  let shown = 0, item;
  const load = async () => {
    if (!details.open || shown === item.lines) return;
    const count = shown = item.lines;
    try {
      const text = await ask("GET", `/sandbox/page/log/${encodeURIComponent(id)}`);
      const follows = log.scrollTop + log.clientHeight > log.scrollHeight - 20;
      if (count === shown) say(log, plain(text.join("\n")));
      if (follows) log.scrollTop = log.scrollHeight;
    } catch { shown = 0; }
  };
  details.ontoggle = load;
  node.tick = () => {
    const end = item.endedAt || Date.now() + skew;
    const took = Math.max(end - item.createdAt, 0);
    const whole = item.endedAt ? took : Math.max(item.takes || took * 1.5, took);
    say(time, seconds(took));
    item.states.forEach((one, index) => {
      const next = item.states[index + 1];
      const lasted = Math.max((next ? next.at : end) - one.at, 0);
      const isEnd = !next && !!item.endedAt;
      bar.children[index].hidden = isEnd;
      bar.children[index].style.width = `${(100 * lasted) / (whole || 1)}%`;
      say(stages.children[index], isEnd ? one.state : `${one.state} ${seconds(lasted)}`);
    });
  };
  node.show = (now) => {
    item = now;
    set(node, "className", `${item.meaning}${item.endedAt ? "" : " running"}`);
    say(word, `${SIGNS[item.meaning] || "●"} ${item.state}`);
    say(meta, `${item.trigger} · ${item.scenario} · ${clock(item.createdAt)}${item.supersededBy ? ` · by ${item.supersededBy}` : ""}`);
    while (bar.children.length < item.states.length) { bar.append(el("i")); stages.append(el("li")); }
    [...stages.children].forEach((one, index) => set(one, "className", item.endedAt && index === item.states.length - 1 ? "end" : ""));
    say(summary, `Log (${item.lines} line${item.lines === 1 ? "" : "s"})`);
    details.hidden = !item.lines;
    node.tick();
    load();
  };
  return node;
}

async function show(next) {
  state = next;
  skew = next.now - Date.now();
  choices($("platform"), state.platforms, state.platform);
  choices($("speed"), [...new Set([1, 5, 20, 60, 200, 1000, state.speed])].sort((a, b) => a - b), state.speed, (speed) => `${speed}×`);
  keep($("environments"), state.environments, environment);
  const newest = state.environments.flatMap((one) => one.deployments).sort((a, b) => b.createdAt - a.createdAt)[0];
  document.title = `${newest ? `${newest.state} · ` : ""}${state.platform} sandbox`;
  if (described !== state.platform) {
    described = state.platform;
    try {
      scenarios = Object.fromEntries((await ask("GET", "/sandbox/scenarios")).map((one) => [one.name, one.about]));
    } catch (error) { described = ""; return fail(error); }
  }
  choices($("scenario"), Object.keys(scenarios), state.scenario);
  say($("about"), scenarios[state.scenario] || "");
}

function live(is, text) {
  set($("live"), "className", is ? "on" : "");
  say($("live"), text);
}
function listen() {
  if (stream || document.hidden) return;
  stream = new EventSource(`/sandbox/page/events?token=${token}`);
  stream.onmessage = (event) => { live(true, "Live"); show(JSON.parse(event.data)); };
  stream.onerror = () => {
    live(false, "Reconnecting");
    if (stream.readyState !== EventSource.CLOSED) return;
    stream = null;
    setTimeout(again, 2000);
  };
}
// The browser has given up: too many pages are open, or another sandbox is there, which wants its own page.
async function again() {
  const probe = await fetch("/sandbox/page/log/none", { headers: { "x-sandbox-token": token } }).catch(() => null);
  if (probe && probe.status === 403 && token) location.reload(); else listen();
}
// A hidden page does not keep one of the browser's few connections.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) { stream?.close(); stream = null; } else listen();
});
setInterval(() => document.querySelectorAll("li.running").forEach((node) => node.tick()), 100);

for (const [id, read] of [["platform", (name) => ({ name })], ["scenario", (name) => ({ name })], ["speed", (speed) => ({ speed: +speed })]]) {
  $(id).onchange = () => act($(id), () => ask("PUT", `/sandbox/${id}`, read($(id).value)));
}
$("add").onclick = () => act($("add"), () => ask("POST", "/sandbox/environments"));
listen();
