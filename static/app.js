// What makes the pages pleasant; every task is finished without it.
"use strict";

document.documentElement.classList.add("js");

function say(text, tone) {
  const region = document.getElementById("toasts");
  if (!region) return;
  const note = document.createElement("div");
  note.className = "note note-" + (tone || "ok");
  note.textContent = text;
  region.append(note);
  fade(note);
}

function fade(note) {
  // Errors stay until the next page; the rest leaves after eight seconds, but never from under a pointer or the focus.
  if (note.classList.contains("note-bad")) return;
  setTimeout(function leave() {
    if (note.matches(":hover, :focus-within")) setTimeout(leave, 2000);
    else note.remove();
  }, 8000);
}

// On a phone the places and the tabs are bars that scroll: where the page belongs to is in view.
for (const here of document.querySelectorAll(".side-nav [aria-current], .tabs [aria-current]")) here.scrollIntoView({ block: "nearest", inline: "center" });

// Copy buttons: data-copy holds the text, data-copy-from the id of the element that holds it.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-from]");
  if (!button) return;
  const from = button.dataset.copyFrom;
  const text = from ? document.getElementById(from).textContent : button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
    say("Copied.");
  } catch {
    say("The browser did not allow copying. Select the text and copy it.", "bad");
  }
});

// A menu (details.menu) closes on Escape, on a click elsewhere, and when the focus leaves it.
function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== except) menu.open = false;
}
document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
document.addEventListener("focusin", (event) => closeMenus(event.target.closest("details.menu")));

// Keys: "/" searches; data-key="s" makes that letter press a link or button. Never while typing, never with a modifier.
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = event.target.closest && event.target.closest("details.menu[open]");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  if (event.key === "/") {
    const search = document.getElementById("search");
    if (search) { event.preventDefault(); search.focus(); search.select(); }
    return;
  }
  if (!/^[a-z]$/.test(event.key)) return;
  const target = document.querySelector(`[data-key="${event.key}"]`);
  if (target && target.offsetParent) { event.preventDefault(); target.click(); }
});

// A form that only filters (data-filters) is sent as soon as a choice is made.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-filters]");
  if (form && event.target.matches("select, input[type=date]")) form.requestSubmit();
});

// A field above many ticks (data-narrows) hides those that do not hold its text; what is ticked stays in sight.
for (const field of document.querySelectorAll("[data-narrows]")) {
  const lines = [...document.querySelectorAll(field.dataset.narrows + " .form-check")];
  if (lines.length < 12) continue;
  field.hidden = false;
  field.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
  field.addEventListener("input", () => {
    const text = field.value.trim().toLowerCase();
    const digits = text.replace(/[\s-]/g, "");
    for (const line of lines) {
      const words = line.textContent.toLowerCase();
      const fits = words.includes(text) || (/^\d+$/.test(digits) && words.includes(digits));
      line.hidden = !fits && !line.querySelector("input").checked;
    }
  });
}

// A second press of the same button is not a second click.
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.method !== "post") return;
  if (event.target.dataset.sent) { event.preventDefault(); return; }
  event.target.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// htmx: the focus moves on purpose, errors are said.
document.addEventListener("htmx:afterRequest", (event) => {
  const form = event.target.closest && event.target.closest("form[data-sent]");
  if (form) delete form.dataset.sent;
});
// htmx gives the focus back to an element with an id. Others in a polled fragment are known again by what they are.
let left = null;
function likeness(element) {
  return [element.tagName, element.getAttribute("href"), element.dataset.copy, element.ariaLabel, element.textContent.trim()].join("|");
}
document.addEventListener("htmx:beforeSwap", (event) => {
  const focused = document.activeElement;
  left = focused && focused !== document.body && !focused.id && event.detail.target.contains(focused) ? likeness(focused) : null;
});
document.addEventListener("htmx:afterSettle", () => {
  if (!left || document.activeElement !== document.body) return;
  for (const element of document.querySelectorAll("main a[href], main button, main summary")) {
    if (likeness(element) === left) { element.focus({ preventScroll: true }); break; }
  }
  left = null;
});
document.addEventListener("htmx:afterSettle", (event) => {
  const wanted = event.target.querySelector && (event.target.matches("[data-focus]") ? event.target : event.target.querySelector("[data-focus]"));
  if (wanted) wanted.focus();
});
document.addEventListener("htmx:oobAfterSwap", (event) => {
  const target = event.detail.target; // the event itself is sent from the main target
  if (target.id === "toasts") for (const note of target.querySelectorAll(".note")) fade(note);
});
// What a toast offered is done once.
document.addEventListener("htmx:afterRequest", (event) => {
  const note = event.target.closest && event.target.closest("#toasts .note");
  if (note && event.detail.successful) note.remove();
});
// What a click asked for and did not get: a link is followed instead, so that the page itself says what is wrong. Polls stay silent.
document.addEventListener("htmx:responseError", (event) => {
  const { elt, requestConfig } = event.detail;
  if (requestConfig.verb !== "get") say("That did not work. Reload the page and try again.", "bad");
  else if (elt.matches("a[href]")) location.assign(elt.href);
});
document.addEventListener("htmx:sendError", (event) => {
  const { elt, requestConfig } = event.detail;
  if (requestConfig.verb !== "get") say("No answer came. Reload the page to see whether it was done, then try again.", "bad");
  else if (elt.matches("a[href]")) say("No answer came. Try again in a moment.", "bad");
});
