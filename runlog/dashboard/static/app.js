// What every page does: refresh itself, keys, the viewer's time zone. Reading works without it.

const root = document.documentElement;
const base = root.dataset.root;
const $ = (id) => document.getElementById(id);

export function say(text) {
  $("polite").textContent = text;
}

export function trouble(text) {
  const bar = $("trouble");
  bar.hidden = !text;
  if (bar.textContent !== text) bar.textContent = text;
}

// The first page ever is in UTC; from the next one on it is the zone of this browser.
function tellZone() {
  if (document.cookie.includes("runlog_tz=")) return;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone) return;
  document.cookie = `runlog_tz=${zone}; path=${base || "/"}; max-age=31536000; samesite=lax`;
  if (zone !== root.dataset.tz && !location.hash) location.reload();
}

// A part of the page says how often it is to be fetched again, from itself or from elsewhere.
let away = null;
async function refresh(part) {
  if (document.hidden || part.contains(document.activeElement?.closest("input, select"))) return;
  try {
    const answer = await fetch(part.dataset.from || location.href, { headers: { accept: "text/html" } });
    if (answer.redirected || !(answer.headers.get("content-type") || "").includes("html")) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById(part.id);
    if (answer.status === 503) {
      const told = page.querySelector(".told")?.textContent || "";
      away ||= new Date();
      if (part.closest(".empty")) return;
      trouble(`This page is from ${away.toTimeString().slice(0, 5)}. ${told} Retrying.`);
      return;
    }
    if (away && part.closest(".empty")) return location.reload();
    away = null;
    trouble("");
    if (!fresh) return part.closest(".empty") ? location.reload() : undefined;
    keepFocus(part, () => part.replaceChildren(...fresh.childNodes));
    for (const id of (part.dataset.also || "").split(" ")) {
      const here = $(id), there = page.getElementById(id);
      if (here && there) keepFocus(here, () => here.replaceChildren(...there.childNodes));
    }
    for (const name of Object.keys(part.dataset)) if (!(name in fresh.dataset)) delete part.dataset[name];
    document.title = page.title;
    const icon = page.getElementById("icon");
    if (icon) $("icon").href = icon.href;
    since = Date.now();
  } catch {
    away ||= new Date();
    trouble(`The dashboard does not answer since ${away.toTimeString().slice(0, 5)}. Retrying.`);
  }
}

// What has the focus is found again by where it leads.
function keepFocus(part, change) {
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  const href = focused?.getAttribute("href");
  change();
  if (href) [...part.querySelectorAll("a")].find((a) => a.getAttribute("href") === href)?.focus({ preventScroll: true });
}

let since = Date.now();
for (const part of document.querySelectorAll("[data-refresh]")) {
  const wait = () => setTimeout(async () => {
    if (part.dataset.refresh) await refresh(part);
    wait();
  }, 1000 * (part.dataset.refresh || 60));
  wait();
  document.addEventListener("visibilitychange", () => part.dataset.refresh && refresh(part));
}
if ($("age")) {
  setInterval(() => {
    const seconds = Math.round((Date.now() - since) / 1000);
    $("age").textContent = ` · updated ${seconds} s ago`;
  }, 1000);
}

// Keys
let prefix = "";
export const keys = {
  "/": () => ($("filter") || $("search")).focus(),
  "?": () => (location.href = `${base}/help`),
  j: () => move(1),
  k: () => move(-1),
  Enter: () => document.querySelector("tr.here [data-open]")?.click(),
  "[": () => document.querySelector("a[rel=prev]")?.click(),
  "]": () => document.querySelector("a[rel=next]")?.click(),
  t: () => {
    const zone = root.dataset.tz === "UTC" ? Intl.DateTimeFormat().resolvedOptions().timeZone : "UTC";
    document.cookie = `runlog_tz=${zone}; path=${base || "/"}; max-age=31536000; samesite=lax`;
    location.reload();
  },
};

function move(by) {
  const rows = [...document.querySelectorAll("[data-rows] tbody tr")];
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.classList.contains("here"));
  const next = rows[Math.max(0, Math.min(rows.length - 1, at + by))];
  rows[at]?.classList.remove("here");
  next.classList.add("here");
  next.querySelector("[data-open]")?.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  const field = event.target.closest?.("input, select, textarea");
  if (event.key === "Escape") {
    field?.blur();
    document.querySelector(".menu[open]")?.removeAttribute("open");
    return;
  }
  if (field || event.ctrlKey || event.metaKey || event.altKey || root.dataset.keys === "off") return;
  const page = prefix === "g" && [...document.querySelectorAll("[data-go]")].find((a) => a.dataset.go === event.key);
  if (page) {
    prefix = "";
    page.click();
    return;
  }
  prefix = event.key === "g" ? "g" : "";
  // A link or button that has the focus keeps its own Enter.
  if (event.key === "Enter" && event.target.closest?.("a, button, summary")) return;
  const does = keys[event.key];
  if (!does) return;
  event.preventDefault();
  does(event);
});

tellZone();
