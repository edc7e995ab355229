// What the page gains with scripts: a tip on the chart, arrow keys, and fresh numbers
// without losing one's place. Everything else works without this file.
"use strict";

const REFRESH_MILLISECONDS = 30000;

function describe(day) {
  const { day: name, value, comparedDay, compared } = day.dataset;
  return { name, value, then: comparedDay ? `${compared} on ${comparedDay}` : "" };
}

function showTip(chart, day) {
  const plot = chart.closest(".plot");
  const tip = plot.querySelector("[data-tip]");
  const text = describe(day);
  const lines = [["span", "", text.name], ["b", "", text.value], ["span", "then", text.then]];
  tip.replaceChildren(...lines.filter((line) => line[2]).map(([tag, name, content]) => {
    const line = document.createElement(tag);
    line.className = name;
    line.textContent = content;
    return line;
  }));
  tip.hidden = false;
  const box = day.querySelector("rect").getBoundingClientRect();
  const frame = plot.getBoundingClientRect();
  const center = box.left + box.width / 2 - frame.left;
  const isRight = center > frame.width / 2;
  tip.style.left = `${isRight ? Math.max(0, center - tip.offsetWidth - 14) : Math.min(frame.width - tip.offsetWidth, center + 14)}px`;
  for (const other of chart.querySelectorAll(".day.on")) other.classList.remove("on");
  day.classList.add("on");
}

function hideTip(chart) {
  chart.closest(".plot").querySelector("[data-tip]").hidden = true;
  for (const day of chart.querySelectorAll(".day.on")) day.classList.remove("on");
}

const KEY_STEPS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -7, PageDown: 7, Home: -Infinity, End: Infinity };

function moveByKey(event) {
  const chart = event.target.closest?.("[data-chart]");
  if (!chart) return;
  if (event.key === "Escape") return hideTip(chart);
  if (!(event.key in KEY_STEPS)) return;
  event.preventDefault();
  const days = [...chart.querySelectorAll(".day")];
  const current = days.findIndex((day) => day.classList.contains("on"));
  const start = current < 0 ? days.length : current;
  const next = days[Math.min(days.length - 1, Math.max(0, start + KEY_STEPS[event.key]))];
  showTip(chart, next);
  const text = describe(next);
  chart.closest(".plot").querySelector("[data-spoken]").textContent =
    `${text.name}: ${text.value}${text.then ? `, then ${text.then}` : ""}`;
}

document.addEventListener("pointermove", (event) => {
  const day = event.target.closest?.(".day");
  if (day) showTip(day.closest("[data-chart]"), day);
  else document.querySelectorAll("[data-chart]:not(:focus)").forEach(hideTip);
});
document.addEventListener("keydown", moveByKey);
document.addEventListener("focusout", (event) => {
  if (event.target.matches?.("[data-chart]")) hideTip(event.target);
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll(".menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll(".menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  if (event.target.closest?.("[data-retry]")) {
    event.preventDefault();
    refresh();
  }
});

function isInUse(panel) {
  return panel.matches(":focus-within") || panel.querySelector(".menu[open], .day.on");
}

// A panel that the reader is using stays as it is until the next round.
function swapPanels(fresh, isForced) {
  for (const panel of document.querySelectorAll("[data-panel]")) {
    const replacement = fresh.getElementById(panel.id);
    if (!replacement || (!isForced && isInUse(panel))) continue;
    const open = new Set([...panel.querySelectorAll("details[open]")].map((item) => item.id));
    for (const item of replacement.querySelectorAll("details")) item.open = open.has(item.id);
    panel.replaceWith(document.adoptNode(replacement));
  }
}

function warn(text) {
  const notice = document.getElementById("offline");
  notice.textContent = text;
  notice.hidden = !text;
}

async function refresh(isForced = true) {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
    if (answer.redirected || answer.status === 401) return warn("You are signed out. Reload the page to sign in.");
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!fresh.getElementById("cards")) throw new Error(`status ${answer.status}`);
    // While ClickHouse is away the numbers already on the page are better than none.
    const isWorse = answer.status === 503 && !document.querySelector(".card.failed");
    if (isWorse) return warn("ClickHouse does not answer. The numbers below are from before.");
    swapPanels(fresh, isForced);
    warn("");
  } catch {
    warn("The platform does not answer. The numbers below are from before.");
  }
}

setInterval(() => {
  if (document.visibilityState === "visible") refresh(false);
}, REFRESH_MILLISECONDS);
