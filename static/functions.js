// The panel beside a function's list: closes on its cross and on Escape, and gives the focus back.
"use strict";

(() => {
  let opener = null;

  function close() {
    const panel = document.getElementById("panel");
    if (!panel || !panel.firstElementChild) return false;
    panel.replaceChildren();
    const back = opener && document.getElementById(opener);
    (back || document.getElementById("open-share") || document.getElementById("main")).focus();
    return true;
  }

  document.addEventListener("htmx:beforeRequest", (event) => {
    const { elt, target } = event.detail;
    if (target && target.id === "panel" && elt.id && !elt.closest("#panel")) opener = elt.id;
    // A preview that is still due when the form is sent would replace the button that was pressed.
    if (elt.id === "share-preview" && elt.closest("form").classList.contains("htmx-request")) event.preventDefault();
  });
  // The list comes out of band after a click: the row that was acted on takes the focus. A list that was asked for
  // before that click is older: it must not replace the new one, so it is asked for again.
  const asked = new WeakMap();
  let clicked = 0;
  document.addEventListener("htmx:beforeSend", (event) => {
    if (event.detail.elt.id === "access") asked.set(event.detail.xhr, performance.now());
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { elt, xhr } = event.detail;
    if (elt.id !== "access" || !(asked.get(xhr) < clicked)) return;
    event.detail.shouldSwap = false;
    setTimeout(() => htmx.trigger(document.body, "function-read"), 0);
  });
  document.addEventListener("htmx:oobAfterSwap", (event) => {
    const list = event.detail.target;
    if (list.id !== "access") return;
    clicked = performance.now();
    const row = list.querySelector("[data-focus]");
    if (row && document.activeElement !== row) row.focus();
  });
  document.addEventListener("click", (event) => {
    const cross = event.target.closest("[data-close-panel]");
    if (cross && close()) event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && event.target.closest && event.target.closest("#panel")) close();
  });
})();
