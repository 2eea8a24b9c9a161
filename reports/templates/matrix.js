"use strict";
const data = JSON.parse(document.getElementById("details").textContent);
const dialog = document.querySelector("dialog");
const rows = [...document.querySelectorAll("tr[data-clause]")];
const controls = {
  category: document.getElementById("category"),
  service: document.getElementById("service"),
  words: document.getElementById("words"),
};
const tiles = [...document.querySelectorAll(".tile")];

function element(name, text, className) {
  const node = document.createElement(name);
  node.textContent = text ?? "";
  if (className) node.className = className;
  return node;
}

function chosenOutcomes() {
  return tiles.filter((tile) => tile.getAttribute("aria-pressed") === "true").map((tile) => tile.dataset.outcome);
}

function rowMatches(row, outcomes) {
  const [level, section, category, profiles, feature, text] = data.clauses[row.dataset.clause];
  if (controls.category.value && category !== controls.category.value) return false;
  const haystack = [row.dataset.clause, level, section, profiles, feature, text].join(" ").toLowerCase();
  const words = controls.words.value.toLowerCase().split(/\s+/);
  if (!words.every((word) => haystack.includes(word))) return false;
  const results = Object.entries(data.results[row.dataset.clause] ?? {})
    .filter(([service]) => !controls.service.value || service === controls.service.value);
  if (!outcomes.length) return !controls.service.value || results.length > 0;
  return results.some(([, result]) => outcomes.includes(result[0]));
}

function filter() {
  const outcomes = chosenOutcomes();
  let shown = 0;
  for (const row of rows) {
    row.hidden = !rowMatches(row, outcomes);
    if (!row.hidden) shown += 1;
  }
  for (const group of document.querySelectorAll("tr.group")) {
    group.hidden = !rows.some((row) => !row.hidden && row.dataset.group === group.dataset.group);
  }
  for (const cell of document.querySelectorAll("[data-column]")) {
    cell.hidden = Boolean(controls.service.value) && cell.dataset.column !== controls.service.value;
  }
  document.querySelector(".toolbar output").value = `${shown} of ${rows.length} clauses`;
}

function command(text) {
  const line = element("div", "", "command");
  const copy = element("button", "Copy");
  copy.type = "button";
  copy.dataset.copy = text;
  line.append(element("code", text), copy);
  return line;
}

function folded(summary, text) {
  const details = element("details");
  details.append(element("summary", summary), element("pre", text));
  return details;
}

function explanation(why, causes, clause) {
  const section = element("section");
  const list = element("ul");
  list.append(...causes.map((cause) => element("li", cause)));
  section.append(element("p", `Why it matters: ${why}`), element("p", "Usual causes:"), list);
  section.append(command(`bodhisattva explain ${clause}`));
  return section;
}

function resultSection(service, [outcome, reason, nodeid, seconds, reproduce, deviation, raw, seen]) {
  const section = element("section");
  const heading = element("p", "", "small");
  heading.append(
    element("span", `${data.glyphs[outcome]} ${outcome}`, `pill tone-${outcome}`),
    element("b", ` ${service} `),
    element("span", nodeid ? `${data.meanings[outcome]} · ${seconds} s` : data.meanings[outcome], "soft"),
  );
  section.append(heading);
  if (reason && reason !== data.meanings[outcome]) section.append(element("p", reason, "text"));
  if (raw) section.append(folded("the assertion", raw));
  for (const wire of seen) section.append(folded(`seen on ${wire.split("\n")[0]}`, wire.split("\n").slice(1).join("\n")));
  if (deviation) section.append(element("p", `known deviation: ${deviation}`, "small"));
  if (nodeid) section.append(command(reproduce));
  return section;
}

function open(clause, service) {
  const [level, section, category, profiles, feature, text, why, causes] = data.clauses[clause];
  const body = dialog.querySelector("div");
  const title = element("h3", clause);
  title.append(element("span", level, "pill"));
  const place = [`protocol ${section}`, category, `profiles ${profiles}`, `feature ${feature}`];
  const results = Object.entries(data.results[clause] ?? {}).filter(([name]) => !service || name === service);
  body.replaceChildren(
    title,
    element("p", text, "text"),
    element("p", place.join(" · "), "small soft"),
    ...results.map(([name, result]) => resultSection(name, result)),
    ...(why ? [explanation(why, causes, clause)] : []),
  );
  dialog.showModal();
}

function copied(button) {
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open]");
  if (opener) open(opener.dataset.open, opener.dataset.service);
  const tile = event.target.closest(".tile");
  if (tile) {
    tile.setAttribute("aria-pressed", tile.getAttribute("aria-pressed") !== "true");
    filter();
  }
  const copy = event.target.closest("[data-copy]");
  if (copy) navigator.clipboard?.writeText(copy.dataset.copy).then(() => copied(copy));
  if (event.target === dialog) dialog.close();
});
for (const control of Object.values(controls)) control.addEventListener("input", filter);
document.getElementById("reset").addEventListener("click", () => {
  for (const control of Object.values(controls)) control.value = "";
  for (const tile of tiles) tile.setAttribute("aria-pressed", "false");
  filter();
});
filter();
