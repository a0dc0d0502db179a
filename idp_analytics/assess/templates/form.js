"use strict";
// The form's answers live in its own elements; this reads them, says what is open or odd, and writes and reads files.
(() => {
  const given = JSON.parse(document.getElementById("given").textContent);
  const at = (id) => document.getElementById(id);
  const form = at("form");
  const total = given.items.length;
  let about = { id: newId(), started_at: new Date().toISOString() };
  let isSaved = true;

  function newId() {
    const bytes = crypto.getRandomValues(new Uint8Array(12));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  // --- answers -------------------------------------------------------------------------------------------------------

  const chosen = (name) => form.querySelector(`input[name="${CSS.escape(name)}"]:checked`)?.value ?? null;
  const team = () => (given.team || at("team").value.trim());
  const wave = () => given.wave ?? `${new Date().getFullYear()}-Q${Math.floor(new Date().getMonth() / 3) + 1}`;
  const isLevel = (answer) => /^[1-4]$/.test(answer ?? "");

  function answerTo(item) {
    const answer = chosen(item.id);
    if (answer === null) return null;
    const reason = answer === "not_applicable" ? at(`${item.id}-reason`).value.trim() || null : null;
    const sure = isLevel(answer) ? chosen(`${item.id}-sure`) : null;
    return { item: item.id, answer, reason, confidence: sure === null ? null : Number(sure) };
  }

  const answers = () => given.items.map(answerTo).filter((one) => one !== null);

  /** Not answered, or not applicable without a reason. */
  function isOpen(item) {
    const one = answerTo(item);
    return one === null || (one.answer === "not_applicable" && one.reason === null);
  }

  function contradictions() {
    const levels = Object.fromEntries(answers().map((one) => [one.item, one.answer]));
    return given.contradictions.filter((rule) => Object.entries(rule.when).every(([item, odd]) => odd.includes(Number(levels[item]))));
  }

  function written(state) {
    return {
      form: given.form, form_version: given.form_version, model_version: given.model_version, state,
      assessment_id: about.id, team: team() || null, wave: wave(), role: chosen("role"),
      started_at: about.started_at, [state === "final" ? "submitted_at" : "saved_at"]: new Date().toISOString(),
      answers: answers(),
    };
  }

  /** Put the answers of a file or of this browser into the form; what the form does not have is left out. */
  function fill(held) {
    form.reset();
    const choose = (name, value) => {
      const input = form.querySelector(`input[name="${CSS.escape(name)}"][value="${CSS.escape(String(value))}"]`);
      if (input) input.checked = true;
    };
    about = { id: String(held.assessment_id || newId()), started_at: held.started_at || new Date().toISOString() };
    if (!given.team && held.team) at("team").value = String(held.team);
    choose("role", held.role);
    for (const one of Array.isArray(held.answers) ? held.answers : []) {
      if (!one || !given.items.some((item) => item.id === one.item)) continue;
      choose(one.item, one.answer);
      if (one.reason) at(`${one.item}-reason`).value = String(one.reason);
      if (one.confidence) choose(`${one.item}-sure`, one.confidence);
    }
    show();
  }

  // --- what is shown -------------------------------------------------------------------------------------------------

  function show() {
    for (const item of given.items) {
      const answer = chosen(item.id);
      const box = at(item.id);
      box.querySelector(".reason").hidden = answer !== "not_applicable";
      box.querySelector(".sure").hidden = !isLevel(answer);
      at(`${item.id}-odd`).hidden = true;
    }
    const open = given.items.filter(isOpen);
    const done = total - open.length;
    const said = `${done} of ${total} answered`;
    if (at("progress-label").textContent !== said) at("progress-label").textContent = at("told").textContent = said;
    at("progress-bar").value = done;
    at("progress-bar").textContent = said;
    at("next").textContent = open.length ? "Next unanswered" : "Save your answers";
    at("next").href = open.length ? `#${open[0].id}` : "#end";
    const missing = [...(team() ? [] : [["about", "Which team do you answer for?"]]), ...(chosen("role") ? [] : [["role", "As what do you answer?"]]),
      ...open.map((item) => [item.id, `${item.number}. ${item.wording}`])];
    at("open-text").textContent = missing.length ? `Not answered yet (${missing.length}):` : "Everything is answered.";
    list("open-list", missing);
    const odd = contradictions();
    at("odd-items").hidden = !odd.length;
    list("odd-list", odd.map((rule) => [Object.keys(rule.when)[0], rule.says]));
    for (const rule of odd) {
      for (const item of Object.keys(rule.when)) {
        const note = at(`${item}-odd`);
        note.hidden = false;
        note.textContent = `${rule.says} Both can be true: this is only to have another look.`;
      }
    }
    if (!missing.length) at("confirm").hidden = true;
  }

  function list(id, links) {
    at(id).replaceChildren(...links.map(([anchor, text]) => {
      const line = document.createElement("li");
      const link = line.appendChild(document.createElement("a"));
      link.href = `#${anchor}`;
      link.textContent = text;
      return line;
    }));
  }

  /** A sentence for eyes and ears. */
  function tell(sentence) {
    at("kept").hidden = false;
    at("kept").textContent = sentence;
  }

  /** A link to a question leads to its first input, so that the keyboard goes on from there. */
  function follow(event) {
    const link = event.target.closest('a[href^="#"]');
    const target = link && at(link.getAttribute("href").slice(1));
    if (!target) return;
    event.preventDefault();
    target.scrollIntoView({ block: "start" });
    (target.querySelector("input:checked:not([hidden]), input") ?? target).focus({ preventScroll: true });
  }

  // --- what is kept --------------------------------------------------------------------------------------------------

  const place = `idp-self-assessment:${given.model_version}:${given.wave ?? ""}:${given.team ?? ""}`;

  function store(held) {
    try {
      if (held === null) localStorage.removeItem(place);
      else localStorage.setItem(place, JSON.stringify(held));
      return true;
    } catch {
      return false;
    }
  }

  function stored() {
    try {
      return JSON.parse(localStorage.getItem(place) ?? "null");
    } catch {
      return null;
    }
  }

  function changed() {
    isSaved = store(written("draft"));
    show();
  }

  function download(held) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(held, null, 2) + "\n"], { type: "application/json" }));
    const words = ["self-assessment", held.wave, held.team ?? "team", held.state === "final" ? held.assessment_id.slice(0, 8) : "draft"];
    link.download = words.join("-").toLowerCase().replace(/[^a-z0-9]+/g, "-") + ".json";
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    isSaved = true;
  }

  function saveFinal() {
    download(written("final"));
    store(null);
    at("confirm").hidden = true;
    tell("Your answers are in the downloads of this browser, and no longer in this page’s memory. Hand the file in. If you change an answer and save again, the later file counts.");
    at("kept").scrollIntoView({ block: "center" });
  }

  async function load(file) {
    let held = null;
    try {
      held = JSON.parse(await file.text());
    } catch {
      return tell("This file cannot be read: it is no JSON. Choose a file that this form has saved.");
    }
    if (held?.form !== given.form) return tell("This file is none that this form has saved.");
    if (held.form_version !== given.form_version || held.model_version !== given.model_version) {
      return tell(`This file is of form ${held.form_version}, model ${held.model_version}; this page is form ${given.form_version}, model ${given.model_version}. Open it with the form it was begun in.`);
    }
    if (given.team && held.team && held.team !== given.team) return tell(`This file is of team ${held.team}; this form is for ${given.team}.`);
    if (given.wave && held.wave !== given.wave) return tell(`This file is of round ${held.wave}; this form is for ${given.wave}.`);
    fill(held);
    isSaved = store(written("draft"));
    return tell(`${answers().length} answers loaded. Go on where you stopped.`);
  }

  // --- events --------------------------------------------------------------------------------------------------------

  form.addEventListener("change", (event) => event.target.id !== "load" && changed());
  form.addEventListener("input", (event) => event.target.type === "text" && changed());
  form.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("click", follow);
  at("draft").addEventListener("click", () => {
    download(written("draft"));
    tell("The draft is in the downloads of this browser. Load it here to go on.");
  });
  at("load").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    if (file) await load(file);
    event.target.value = "";
  });
  at("save").addEventListener("click", () => {
    const open = at("open-list").childElementCount;
    if (!open) return saveFinal();
    at("confirm-text").textContent = `${open} ${open === 1 ? "question is" : "questions are"} not answered. They will count as missing. “Don’t know” says more.`;
    at("confirm").hidden = false;
    return at("confirm").focus();
  });
  at("anyway").addEventListener("click", saveFinal);
  at("clear").addEventListener("click", () => {
    if (answers().length && !confirm("Forget all answers of this form in this browser?")) return;
    store(null);
    fill({});
    isSaved = true;
    tell("All answers are gone. You start from nothing.");
    scrollTo({ top: 0 });
  });
  addEventListener("beforeunload", (event) => {
    if (!isSaved) event.preventDefault();
  });

  const before = stored();
  if (before) {
    fill(before);
    tell(`You stopped on ${String(before.saved_at).slice(0, 10)}: ${answers().length} answers are back. “Start over” at the end forgets them.`);
  } else {
    form.reset();
    show();
    if (!store(null)) tell("This browser keeps nothing for this page: before you close it, save a draft at the end of the form.");
  }
})();
