// Keeps an open page of alerts or tasks up to date, and sends what an officer does. See lists.js.
"use strict";

const EVERY = 2000;
// Asking takes at most a tenth of the time, however long an answer takes.
const SHARE = 10;
const OFFICER = "credit-monitor officer";
const words = document.body.dataset;
// What is to be opened as soon as it comes: a task that was made just now.
const wanted = new Set();
let tag = "";
let timer = 0;
let asking = null;

const itemOf = (element) => element.closest("li[data-key]");
const isHead = (element) => element.parentElement?.matches("li[data-key]");
const openKeys = () => [...document.querySelectorAll("li[data-key] > details[open]")].map((one) => itemOf(one).dataset.key);

// -- what changed ----------------------------------------------------------------------------------------------------

async function refresh() {
  clearTimeout(timer);
  asking?.abort();
  const mine = asking = new AbortController();
  const began = performance.now();
  const url = new URL(words.parts, location.href);
  for (const key of new Set([...openKeys(), ...wanted])) url.searchParams.append("open", key);
  try {
    const answer = await fetch(url, { headers: tag ? { "If-None-Match": tag } : {}, signal: mine.signal });
    if (answer.ok) {
      const parts = await answer.json();
      tag = answer.headers.get("ETag");
      for (const [id, html] of Object.entries(parts)) show(id, html);
      for (const key of wanted) bring(key);
    }
    part("lost").hidden = answer.ok || answer.status === 304;
  } catch (error) {
    if (mine.signal.aborted) return;
    part("lost").hidden = false;
  }
  later(Math.max(EVERY, SHARE * (performance.now() - began)));
}

function later(wait) {
  clearTimeout(timer);
  timer = setTimeout(() => (document.hidden ? later(EVERY) : refresh()), wait);
}

function bring(key) {
  const item = document.querySelector(`li[data-key="${CSS.escape(key)}"]`);
  if (!item) return;
  wanted.delete(key);
  item.querySelector("details").open = true;
  item.querySelector("summary").focus();
}

async function showMore(link) {
  const list = link.closest(".list").querySelector("ol");
  const count = list.children.length;
  words.parts = link.dataset.more;
  await refresh();
  list.children[count]?.querySelector("summary").focus({ preventScroll: true });
}

// -- what is done ----------------------------------------------------------------------------------------------------

const LISTS = ["assignees", "enterprises"];

function dataOf(form, takes) {
  const data = form.dataset.seen ? { seen: Number(form.dataset.seen) } : {};
  for (const field of form.querySelectorAll("[name]")) {
    const value = field.value.trim();
    if (!takes.includes(field.name) || !value) continue;
    if (!LISTS.includes(field.name)) data[field.name] = value;
    else data[field.name] = [...(data[field.name] ?? []), ...value.split(/[,，、;；\s]+/).filter(Boolean)];
  }
  return data;
}

async function act(button) {
  const form = button.form;
  const told = form.querySelector("output");
  const officer = part("officer");
  told.value = "";
  part("told").textContent = "";
  if (!officer.value.trim()) {
    told.value = words.nobody;
    officer.focus();
    return;
  }
  const listed = (text) => (text ?? "").split(" ").filter(Boolean);
  const needs = listed(button.dataset.needs);
  for (const field of form.querySelectorAll("[name]")) field.required = needs.includes(field.name);
  if (!form.reportValidity()) return;
  const data = { officer: officer.value.trim(), ...dataOf(form, [...needs, ...listed(form.dataset.takes), "reason"]) };
  const buttons = form.querySelectorAll("button");
  for (const one of buttons) one.disabled = true;
  try {
    const answer = await fetch("/api/v1/acts", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ type: button.dataset.act, subject: form.dataset.subject || data.region, data }),
    });
    const said = await answer.json();
    if (answer.ok) {
      form.reset();
      part("told").textContent = words.done.replace("{act}", button.textContent);
      if (!form.dataset.subject) wanted.add(said.id);
    } else {
      told.value = said.detail;
    }
  } catch {
    told.value = words.unsent;
  }
  for (const one of buttons) one.disabled = false;
  refresh();
}

// -- what is clicked, chosen, opened ---------------------------------------------------------------------------------

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-act]");
  const more = event.target.closest("a[data-more]");
  if (button) act(button);
  if (more) {
    event.preventDefault();
    showMore(more);
  }
});
document.addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("toggle", (event) => {
  if (event.target.open && isHead(event.target) && event.target.querySelector(".loading")) refresh();
}, true);

function goTo(link, name, value) {
  const url = new URL(link, location.href);
  if (value) url.searchParams.set(name, value);
  location.assign(url);
}

part("region").addEventListener("change", (event) => goTo(event.target.dataset.link, "region", event.target.value));
const officer = part("officer");
if (officer) {
  officer.value = localStorage.getItem(OFFICER) ?? "";
  officer.addEventListener("input", () => localStorage.setItem(OFFICER, officer.value.trim()));
}
part("mine")?.addEventListener("click", (event) => {
  if (officer.value.trim()) goTo(event.target.dataset.link, "officer", officer.value.trim());
  else officer.focus();
});
later(EVERY);
