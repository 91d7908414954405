"use strict";
// The overview: sorts by a column, filters by text.
(() => {
  const body = document.querySelector("#calls tbody");
  const search = document.querySelector("#search"), found = document.querySelector("#found");
  if (!body) return;
  const rows = [...body.rows];
  const FIRST = { id: 1, agent: 1, queue: 1, end: 1, shape: 1 }; // ascending first; the rest show the largest first

  for (const button of document.querySelectorAll("[data-sort]")) {
    button.addEventListener("click", () => {
      const key = button.dataset.sort, head = button.closest("th"), sorted = head.getAttribute("aria-sort");
      const way = sorted === "none" ? FIRST[key] ?? -1 : sorted === "ascending" ? -1 : 1;
      for (const other of document.querySelectorAll("#calls thead th")) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", way > 0 ? "ascending" : "descending");
      body.append(...[...rows].sort((a, b) => compare(a.dataset[key], b.dataset[key], way)));
    });
  }

  function compare(a, b, way) { // what is missing comes last either way
    if (a === "" || b === "") return (a === "") - (b === "");
    const numbers = Number(a) - Number(b);
    return way * (Number.isNaN(numbers) ? a.localeCompare(b, undefined, { numeric: true }) : numbers);
  }

  search.addEventListener("input", () => {
    const wanted = search.value.trim().toLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    found.textContent = wanted ? `${rows.filter((row) => !row.hidden).length} of ${rows.length}` : "";
  });
})();
