// Draws the table of counts as a chart. The table stays: it is the chart's text.
"use strict";

function drawTrend() {
  const table = document.getElementById("trend-table");
  const canvas = document.getElementById("trend");
  if (!table || !canvas || !window.Chart) return;
  const style = getComputedStyle(document.documentElement);
  const probe = document.createElement("span");
  document.body.append(probe);
  // light-dark() is resolved by the browser: a canvas needs the colour that came out of it.
  const colour = (name) => { probe.style.color = `var(${name})`; return getComputedStyle(probe).color; };
  const rows = [...table.tBodies[0].rows].reverse();
  const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  const series = [["Critical", "--ink-bad", []], ["High", "--ink-warn", [6, 3]], ["Medium", "--ink-wait", [2, 2]], ["Low", "--ink-off", [8, 2, 2, 2]], ["Accepted", "--ink-busy", [1, 3]]];
  canvas.hidden = false;
  const ink = colour("--tblr-secondary");
  const line = colour("--line");
  new window.Chart(canvas, {
    type: "line",
    data: {
      labels: rows.map((row) => row.cells[0].textContent),
      datasets: series.map(([label, ink, dash]) => ({
        label,
        data: rows.map((row) => Number(row.cells[heads.indexOf(label)].textContent.replaceAll(",", ""))),
        borderColor: colour(ink),
        backgroundColor: colour(ink),
        borderDash: dash,
        borderWidth: 2,
        pointRadius: rows.length < 15 ? 3 : 0,
        tension: 0,
      })),
    },
    options: {
      animation: false,
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      font: { family: style.fontFamily },
      plugins: { legend: { position: "bottom", labels: { color: ink, boxHeight: 0, boxWidth: 28 } } },
      scales: {
        x: { ticks: { color: ink, maxRotation: 0, autoSkipPadding: 16 }, grid: { color: line } },
        y: { beginAtZero: true, ticks: { color: ink, precision: 0 }, grid: { color: line } },
      },
    },
  });
  probe.remove();
}
drawTrend();
