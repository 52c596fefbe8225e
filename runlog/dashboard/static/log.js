// The log: next error, wrap, fields of a line, links to lines, and lines as they arrive.
import { keys, say, trouble } from "./app.js";

const log = document.getElementById("lines");
const buttons = Object.fromEntries(
  ["next-error", "wrap", "follow", "new-lines"].map((id) => [id, document.getElementById(id)]),
);
const MOST_LINES = 6000;
const isAll = log && "all" in log.dataset;

function showButtons() {
  for (const [id, button] of Object.entries(buttons)) if (button && id !== "new-lines") button.hidden = false;
}

// Errors, one after the other
let at = null;
function goToError(by) {
  const errors = [...log.querySelectorAll(".ln.e")];
  if (!errors.length) return say("no error in these lines");
  const place = errors.indexOf(at);
  at = errors[place < 0 ? (by > 0 ? 0 : errors.length - 1) : (place + by + errors.length) % errors.length];
  choose(at);
}
function choose(line) {
  log.querySelector(".chosen")?.classList.remove("chosen");
  line.classList.add("chosen");
  line.scrollIntoView({ block: "center" });
}

function wrap() {
  const wraps = log.classList.toggle("wraps");
  buttons.wrap.setAttribute("aria-pressed", String(wraps));
}

// A line opens to its fields
async function open(line) {
  const shown = line.querySelector(".open");
  if (shown) return shown.remove();
  const number = line.id.slice(1);
  const answer = await fetch(`${log.dataset.run}/lines/${number}`, { headers: { accept: "text/html" } });
  if (!answer.ok) return trouble("This line cannot be opened now.");
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const box = document.createElement("div");
  box.className = "open";
  const link = document.createElement("a");
  link.href = `${log.dataset.run}/lines/${number}`;
  link.textContent = `line ${number} on a page of its own`;
  const fields = page.querySelector("#fields table");
  box.append(...(fields ? [fields] : []), link);
  line.append(box);
}
log?.addEventListener("click", (event) => {
  const opener = event.target.closest(".x");
  if (opener) {
    event.preventDefault();
    open(opener.closest(".ln"));
  }
});
function makeOpeners(within) {
  for (const opener of within.querySelectorAll(".x:not([href])")) {
    opener.href = `${log.dataset.run}/lines/${opener.closest(".ln").id.slice(1)}`;
    opener.setAttribute("aria-label", "fields");
  }
}

// A link to a line that is not on this page, or to several of them
function followHash() {
  const range = /^#L(\d+)(?:-L?(\d+))?$/.exec(location.hash);
  if (!range || !log || isAll) return;
  const first = document.getElementById(`L${range[1]}`);
  if (!first) {
    const query = new URLSearchParams(location.search);
    if (query.get("line") === range[1]) return;
    location.href = `${log.dataset.run}?line=${range[1]}${location.hash}`;
    return;
  }
  log.querySelectorAll(".chosen").forEach((line) => line.classList.remove("chosen"));
  for (let n = Number(range[1]); n <= Math.min(Number(range[2] || range[1]), Number(range[1]) + 500); n++)
    document.getElementById(`L${n}`)?.classList.add("chosen");
  first.scrollIntoView({ block: "center" });
}

function copyLink() {
  const line = log.querySelector(".chosen, .ln:target") || log.querySelector(".ln");
  if (!line?.id) return;
  const link = new URL(`#${line.id}`, location.href).href;
  navigator.clipboard?.writeText(link).then(() => say("link copied"), () => say("the link could not be copied"));
}

// Lines as they arrive
const known = new Set();
let lastTop = 0, following = true, source = null, last = "", unseen = 0, ended = false;

function put(line) {
  if (known.has(line.id)) return 0;
  known.add(line.id);
  const row = document.createElement("div");
  row.className = `ln ${line.look} fresh`;
  const link = document.createElement("a");
  if (isAll) {
    link.href = `${log.dataset.root}/runs/${line.run}`;
    link.textContent = line.script || "(no name)";
  } else {
    const number = log.dataset.next++;
    row.id = `L${number}`;
    link.href = `#L${number}`;
    link.textContent = number;
  }
  const piece = (name, text) => {
    const made = document.createElement(name);
    made.textContent = text;
    return made;
  };
  const message = piece("p", line.message);
  if (line.more && !isAll) message.append(Object.assign(document.createElement("a"), { className: "x", textContent: "…" }));
  row.append(link, piece("time", line.time), piece("b", line.level), piece("i", line.step), message);
  lastChunk().append(row);
  if (!isAll) makeOpeners(row);
  return 1;
}

function lastChunk() {
  let chunk = log.lastElementChild;
  if (!chunk?.classList.contains("chunk") || chunk.childElementCount >= 100) {
    chunk = document.createElement("div");
    chunk.className = "chunk";
    log.append(chunk);
  }
  return chunk;
}

// A tail may run for hours: what is far above goes, and is a click away.
function prune() {
  let lines = log.querySelectorAll(".ln").length;
  while (lines > MOST_LINES && following && log.firstElementChild !== log.lastElementChild) {
    lines -= log.firstElementChild.querySelectorAll(".ln").length || 1;
    log.firstElementChild.remove();
  }
  if (known.size > 3 * MOST_LINES) for (const id of [...known].slice(0, known.size - 2 * MOST_LINES)) known.delete(id);
}

function toEnd() {
  unseen = 0;
  buttons["new-lines"].hidden = true;
  log.scrollTop = log.scrollHeight;
}

function arrived(lines) {
  const fresh = lines.reduce((sum, line) => sum + put(line), 0);
  if (!fresh) return;
  document.getElementById("quiet").hidden = true;
  prune();
  if (following) return toEnd();
  unseen += fresh;
  buttons["new-lines"].textContent = `↓ ${unseen} new ${unseen === 1 ? "line" : "lines"}`;
  buttons["new-lines"].hidden = false;
}

function setFollowing(on) {
  following = on;
  buttons.follow?.setAttribute("aria-pressed", String(on));
  if (on) toEnd();
}

function connect() {
  if (!log?.dataset.tail || ended || document.hidden || source) return;
  const from = new URL(log.dataset.tail, location.href);
  if (last) from.searchParams.set("after", last);
  source = new EventSource(from);
  source.addEventListener("lines", (event) => {
    last = event.lastEventId || last;
    arrived(JSON.parse(event.data));
  });
  source.addEventListener("trouble", (event) => trouble(`${JSON.parse(event.data).text}. Retrying.`));
  source.addEventListener("fine", () => trouble(""));
  source.addEventListener("open", () => trouble(""));
  source.addEventListener("end", (event) => {
    const { state } = JSON.parse(event.data);
    ended = true;
    disconnect();
    if (buttons.follow) buttons.follow.hidden = true;
    say(`run finished: ${state || "its row is gone"}`);
    refreshHead();
  });
}
function disconnect() {
  source?.close();
  source = null;
}

async function refreshHead() {
  const answer = await fetch(`${log.dataset.run}?lines=none`, { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of ["live-head", "steps", "levels", "volume"]) {
    const here = document.getElementById(id), there = page.getElementById(id);
    if (here && there) here.replaceChildren(...there.childNodes);
  }
  delete document.getElementById("live-head").dataset.refresh;
  document.title = page.title;
}

if (log) {
  showButtons();
  if (!isAll) makeOpeners(log);
  log.querySelectorAll("[data-id]").forEach((line) => known.add(line.dataset.id));
  buttons["next-error"]?.addEventListener("click", () => goToError(1));
  buttons.wrap?.addEventListener("click", wrap);
  buttons.follow?.addEventListener("click", () => setFollowing(!following));
  buttons["new-lines"]?.addEventListener("click", () => setFollowing(true));
  Object.assign(keys, { n: () => goToError(1), N: () => goToError(-1), w: wrap, l: copyLink });
  if (buttons.follow) keys.f = () => setFollowing(!following);
  for (const n of [1, 2, 3, 4]) keys[n] = () => document.querySelector(`[data-level="${n}"]`)?.click();
  window.addEventListener("hashchange", followHash);
  followHash();
  if (log.dataset.tail) {
    // Who scrolls up wants to read: nothing jumps until the end is in sight again.
    log.addEventListener("scroll", () => {
      const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
      if (isAtEnd !== following && (isAtEnd || log.scrollTop < lastTop)) setFollowing(isAtEnd);
      lastTop = log.scrollTop;
    }, { passive: true });
    document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : connect()));
    window.addEventListener("pagehide", disconnect);
    window.addEventListener("pageshow", connect);
    if (!location.hash) toEnd();
    connect();
  }
}
