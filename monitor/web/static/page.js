// Keeps an open page up to date: the server sends the parts that changed as HTML that it has escaped.
// Opened signals stay open, and the keyboard's focus stays where it is.
"use strict";

const NEWS_EVERY = 5000;
const part = (id) => document.getElementById(id);
const known = new Map();
let told = 0;
let waiting = 0;

for (const item of document.querySelectorAll("#newest li")) known.set(item.dataset.key, item.innerHTML);

function mergeNewest(html) {
  const fresh = document.createElement("div");
  fresh.innerHTML = html;
  const before = new Map();
  for (const item of document.querySelectorAll("#newest li")) before.set(item.dataset.key, item);
  const focused = document.activeElement?.closest("#newest li")?.dataset.key;
  const list = part("newest").querySelector("ol");
  if (!list || !fresh.querySelector("ol")) {
    part("newest").replaceChildren(...fresh.childNodes);
  } else {
    const wanted = [...fresh.querySelectorAll("li")];
    const keys = new Set(wanted.map((item) => item.dataset.key));
    for (const [key, item] of before) if (!keys.has(key)) item.remove();
    let place = list.firstElementChild;
    for (const item of wanted) {
      const key = item.dataset.key;
      const old = before.get(key);
      const text = item.innerHTML;
      let kept = item;
      if (old && known.get(key) === text) {
        kept = old;
      } else if (old) {
        item.querySelector("details").open = old.querySelector("details").open;
        if (place === old) place = old.nextElementSibling;
        old.remove();
      } else {
        item.classList.add("fresh");
      }
      known.set(key, text);
      if (kept === place) place = place.nextElementSibling;
      else list.insertBefore(kept, place);
    }
    for (const key of [...known.keys()]) if (!keys.has(key)) known.delete(key);
  }
  if (focused && document.activeElement === document.body) {
    for (const item of document.querySelectorAll("#newest li"))
      if (item.dataset.key === focused) item.querySelector("summary").focus({ preventScroll: true });
  }
}

// Read out at most once in some seconds, and always what is true then.
function tellNews() {
  if (waiting) return;
  waiting = setTimeout(() => {
    waiting = 0;
    told = Date.now();
    const count = Number(document.querySelector("[data-signals]").dataset.signals);
    part("news").textContent = part("news").dataset.text.replace("{n}", count.toLocaleString("en"));
  }, Math.max(0, told + NEWS_EVERY - Date.now()));
}

const updates = new EventSource(document.body.dataset.updates);
updates.onopen = () => { part("lost").hidden = true; };
updates.onerror = () => { part("lost").hidden = false; };
updates.onmessage = (message) => {
  const parts = JSON.parse(message.data);
  for (const [id, html] of Object.entries(parts)) {
    if (id === "newest") mergeNewest(html);
    else part(id).innerHTML = html;
  }
  if ("matrix" in parts) tellNews();
};
