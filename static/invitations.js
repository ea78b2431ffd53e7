// How much of the note's room is used, as it is typed.
"use strict";

for (const text of document.querySelectorAll("[data-counts]")) {
  const count = document.getElementById(text.dataset.counts);
  const most = text.maxLength;
  const tell = () => {
    count.textContent = `${text.value.length.toLocaleString("en-GB")} of ${most.toLocaleString("en-GB")} characters`;
    count.classList.toggle("is-over", text.value.length >= most);
  };
  text.addEventListener("input", tell);
  tell();
}
