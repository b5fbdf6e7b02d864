// Keeps the open page of the monitor up to date: the server sends the parts that changed. See lists.js.
"use strict";

const NEWS_EVERY = 5000;
let told = 0;
let waiting = 0;

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
  for (const [id, html] of Object.entries(parts)) show(id, html);
  if ("matrix" in parts) tellNews();
};
