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
    const target = event.detail.target;
    if (target && target.id === "panel" && event.detail.elt.id && !event.detail.elt.closest("#panel")) opener = event.detail.elt.id;
  });
  document.addEventListener("click", (event) => {
    const cross = event.target.closest("[data-close-panel]");
    if (cross && close()) event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && event.target.closest && event.target.closest("#panel")) close();
  });
})();
