// Puts HTML that the server has escaped into an open page: what is open stays open, what was typed stays typed, and the
// keyboard's focus stays where it is. Pages say what changed by `show`.
"use strict";

const part = (id) => document.getElementById(id);
const known = new Map();

function carryOver(old, item) {
  for (const field of old.querySelectorAll("[name], output")) {
    const name = field.getAttribute("name");
    if (!name) {
      const place = item.querySelector("output");
      if (place) place.value = field.value;
      continue;
    }
    // Two fields may have one name, as the two officers of a task have.
    const nth = [...old.querySelectorAll(`[name="${name}"]`)].indexOf(field);
    const place = item.querySelectorAll(`[name="${name}"]`)[nth];
    if (place) place.value = field.value;
  }
  const inner = (one) => one.querySelectorAll("details details");
  inner(item).forEach((one, nth) => { one.open = inner(old)[nth]?.open ?? false; });
}

// How to find again, in the HTML that comes, what has the focus now.
function placeOf(item, focused) {
  const name = focused.getAttribute("name");
  const found = name
    ? `[name="${name}"]`
    : focused.dataset.act
      ? `[data-act="${focused.dataset.act}"]`
      : focused.getAttribute("href")
        ? `a[href="${CSS.escape(focused.getAttribute("href"))}"]`
        : "summary";
  return [found, [...item.querySelectorAll(found)].indexOf(focused)];
}

function focusIn(item) {
  const focused = document.activeElement;
  if (!item.contains(focused)) return () => {};
  const [found, nth] = placeOf(item, focused);
  const range = [focused.selectionStart, focused.selectionEnd];
  return (fresh) => {
    const place = fresh.querySelectorAll(found)[nth] ?? fresh.querySelector("summary");
    place?.focus({ preventScroll: true });
    if (range[0] != null && place?.setSelectionRange) place.setSelectionRange(...range);
  };
}

function mergeList(list, fresh) {
  const before = new Map([...list.children].map((item) => [item.dataset.key, item]));
  const wanted = [...fresh.children];
  const keys = new Set(wanted.map((item) => item.dataset.key));
  for (const [key, item] of before) if (!keys.has(key)) { item.remove(); known.delete(key); }
  let place = list.firstElementChild;
  for (const item of wanted) {
    const key = item.dataset.key;
    const text = item.innerHTML;
    const old = before.get(key);
    let kept = item;
    let refocus = () => {};
    if (old && known.get(key) === text) {
      kept = old;
    } else if (old) {
      item.querySelector("details").open = old.querySelector("details").open;
      carryOver(old, item);
      refocus = focusIn(old);
      if (place === old) place = old.nextElementSibling;
      old.remove();
    } else {
      item.classList.add("fresh");
    }
    known.set(key, text);
    if (kept === place) place = place.nextElementSibling;
    else {
      // What is moved loses the keyboard.
      const moved = kept === item ? refocus : focusIn(kept);
      list.insertBefore(kept, place);
      refocus = moved;
    }
    refocus(kept);
  }
}

// A list stays where it is, and what is in it too where it can.
function show(id, html) {
  const target = part(id);
  const fresh = document.createElement("div");
  fresh.innerHTML = html;
  const [list, come] = [target, fresh].map((one) => one.querySelector(":scope > ol"));
  const refocus = list?.contains(document.activeElement) ? () => {} : focusIn(target);
  if (list && come) {
    mergeList(list, come);
    for (const node of [...target.childNodes]) if (node !== list) node.remove();
    const after = [...fresh.childNodes];
    list.before(...after.splice(0, after.indexOf(come)));
    list.after(...after.slice(1));
  } else {
    if (known.get(`#${id}`) === html) return;
    known.set(`#${id}`, html);
    target.replaceChildren(...fresh.childNodes);
  }
  refocus(target);
}

for (const item of document.querySelectorAll("li[data-key]")) known.set(item.dataset.key, item.innerHTML);
