// Finds a team on the index: by what it is called, and by what its report says.
(() => {
  "use strict";
  const form = document.querySelector(".idp-find");
  const rows = [...document.querySelectorAll(".idp-teams tbody:last-of-type tr")];
  const names = rows.map((row) => row.querySelector("th").textContent.toLocaleLowerCase());
  const has = {
    all: () => true,
    worsened: (row) => row.querySelector(".idp-word--worsened"),
    improved: (row) => row.querySelector(".idp-word--improved"),
    failed: (row) => row.querySelector(".idp-failed"),
    silent: (row) => row.dataset.status === "no data",
  };

  function find() {
    const words = form.elements.name.value.toLocaleLowerCase().trim();
    const which = has[form.elements.which.value];
    let shown = 0;
    rows.forEach((row, n) => {
      row.hidden = !(names[n].includes(words) && which(row));
      shown += !row.hidden;
    });
    form.elements.found.value = shown + " of " + rows.length + (rows.length === 1 ? " team" : " teams");
  }

  form.hidden = false;
  form.addEventListener("input", find);
  form.addEventListener("submit", (event) => event.preventDefault());
  find();
})();
