// The same team in other periods: "#teams/payments.html" behind the address makes the list lead to that page of each.
(() => {
  "use strict";
  const told = JSON.parse(document.getElementById("pages").textContent);
  const form = document.querySelector(".idp-find");
  const links = [...document.querySelectorAll(".idp-periods a")];
  const home = links.map((link) => link.getAttribute("href"));
  const pages = new Map(told.names.map(([page, name]) => [page, name]));

  function turn() {
    let asked = "";
    try {
      asked = decodeURIComponent(location.hash.slice(1));
    } catch {
      // no link of ours: it asks for all
    }
    const page = pages.has(asked) ? asked : "";
    links.forEach((link, n) => {
      const missing = page && told.sets[n].includes(page);
      link.setAttribute("href", page && !missing ? home[n].replace(/index\.html$/, page) : home[n]);
      link.nextElementSibling.textContent = missing ? "without this report" : link.nextElementSibling.dataset.said;
    });
    form.elements.page.value = page;
    document.querySelector(".idp-whose").textContent = page ? pages.get(page) : "All reports";
  }

  form.hidden = false;
  form.addEventListener("change", () => { location.hash = form.elements.page.value; });
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", turn);
  turn();
})();
