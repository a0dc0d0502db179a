// Draws the charts that can be seen, from the top of the page down, and those of a chapter once it is opened.
// Colours are the page's CSS variables, so light, dark and print need no second drawing.
(() => {
  "use strict";
  const ink = "var(--ink)", soft = "var(--soft)", line = "var(--line)";
  const css = getComputedStyle(document.body);
  const words = { labelColor: soft, titleColor: soft, labelFont: css.fontFamily, titleFont: css.fontFamily };
  const config = {
    background: "transparent",
    font: css.fontFamily,
    view: { stroke: null },
    axis: { ...words, titleFontWeight: "normal", labelFontSize: 11.5, labelSeparation: 6, titleFontSize: 11.5, titlePadding: 8, gridColor: line, domainColor: line, tickColor: line },
    legend: { ...words, titleFontWeight: "normal", labelFontSize: 12 },
    header: words,
    title: { color: ink, subtitleColor: soft, font: css.fontFamily, fontWeight: 600, fontSize: 14, anchor: "start" },
    text: { color: ink },
    rule: { color: soft },
  };
  const options = {
    actions: false, ast: true, defaultStyle: false, renderer: "svg", config,
    logLevel: 1, // errors; that a chart has no value to draw is said in words beside it
    tooltip: { disableDefaultStyle: true, theme: "idp" },
  };
  const figures = [...document.querySelectorAll("figure.idp-chart")];
  const begun = new Map();

  // A single drawing takes the width of the page; one made of several keeps its own and scrolls.
  function fitted(spec) {
    const single = !("hconcat" in spec || "vconcat" in spec || "concat" in spec || "facet" in spec || "repeat" in spec);
    const encoding = spec.encoding || {};
    if (!single || encoding.row || encoding.column || encoding.facet || (spec.width && typeof spec.width === "object")) return spec;
    return { ...spec, width: "container", autosize: { type: "fit-x", contains: "padding" } };
  }

  // Labels beside rows get two lines. In a hand there is room for one entry of a legend in a line; titles and entries get several, and titles begin where the drawing does.
  const roomy = (width, small) => (key, value) => {
    if (key === "legend" && value && small) return { ...value, columns: 1, labelExpr: broken((0.6 * width - 30) / 7, "g") };
    if (key !== "axis" || !value) return value;
    const room = small ? Math.min(value.labelLimit, 0.4 * width) : value.labelLimit;
    if (room) return { labelExpr: broken(room / (small ? 7 : 6.2), ""), ...value, labelLimit: room };
    return small && value.labelOverlap && value.labelAngle === 0 ? { ...value, labelFlush: 60 } : value; // the first and the last period end where the drawing does
  };
  const narrow = { ...config, axis: { ...config.axis, titleFontSize: 10 }, axisX: { titleAnchor: "end" }, legend: { ...config.legend, columns: 1 } };

  // A label in lines of so many letters, as Vega says it: in as many as it takes ("g"), or in two.
  function broken(most, flags) {
    const line = "'(.{1," + Math.floor(most) + "})( |$)(?![0-9])'"; // a word stays with its number
    return "split(trim(replace(datum.label, regexp(" + line + ", '" + flags + "'), '$1\\n')), '\\n')";
  }

  function lines(text, width) {
    const room = Math.floor(width / 9);
    return String(text).split(" ").reduce((found, word) => {
      const last = found.length - 1;
      if (last >= 0 && found[last].length + word.length < room) found[last] += " " + word;
      else found.push(word);
      return found;
    }, []);
  }

  function draw(figure) {
    if (!begun.has(figure)) {
      const plot = figure.querySelector(".idp-plot");
      const small = plot.clientWidth < 480;
      const spec = JSON.parse(figure.querySelector('script[type="application/json"]').textContent, roomy(plot.clientWidth, small));
      if (small && spec.title && spec.title.text) spec.title.text = lines(spec.title.text, plot.clientWidth);
      begun.set(figure, vegaEmbed(plot, fitted(spec), small ? { ...options, config: narrow } : options).then(
        (result) => { name(plot); figure.dataset.drawn = ""; offer(figure, spec, result.view); keep(); },
        (error) => { plot.textContent = "This chart could not be drawn: " + error.message; console.error(error); },
      ));
    }
    return begun.get(figure);
  }

  // Vega calls groups of marks symbols without saying of what; the marks in them have names of their own.
  function name(plot) {
    plot.querySelectorAll('[role="graphics-symbol"]:not([aria-label])').forEach((group) => {
      group.removeAttribute("role");
      group.removeAttribute("aria-roledescription");
    });
  }

  function offer(figure, spec, view) {
    const caption = figure.querySelector("figcaption");
    const group = document.createElement("span");
    group.className = "idp-save";
    for (const kind of ["SVG", "PNG"]) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = kind;
      button.setAttribute("aria-label", "Save this chart as " + kind);
      button.addEventListener("click", () => save(figure, view, kind));
      group.append(button);
    }
    caption.append(group);
  }

  // Outside the page the variables mean nothing: they become the colours they stand for, on the page's ground.
  async function picture(view) {
    const page = getComputedStyle(document.documentElement);
    const svg = (await view.toSVG()).replace(/var\((--[a-z]+)\)/g, (_, name) => page.getPropertyValue(name).trim());
    const ground = '<rect width="100%" height="100%" fill="' + page.getPropertyValue("--ground").trim() + '"/>';
    return svg.replace(/^(<svg[^>]*>)/, "$1" + ground);
  }

  async function save(figure, view, kind) {
    const svg = new Blob([await picture(view)], { type: "image/svg+xml" });
    const blob = kind === "SVG" ? svg : await bitmap(svg);
    const link = document.createElement("a");
    const name = [document.title, figure.closest("section").querySelector("h2, h3")?.textContent].filter(Boolean).join(" ");
    link.download = name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "") + "." + kind.toLowerCase();
    link.href = URL.createObjectURL(blob);
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  async function bitmap(svg) {
    const image = new Image();
    image.src = URL.createObjectURL(svg);
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = 2 * image.naturalWidth;
    canvas.height = 2 * image.naturalHeight;
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    URL.revokeObjectURL(image.src);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  }

  // A chart has no width under a fold, so it waits until that is opened.
  const seen = (figure) => !figure.closest("details:not([open])");
  // One after the other from the top, so that what is read first is there first.
  const drawSeen = () => figures.filter(seen).reduce((before, figure) => before.then(() => draw(figure)), Promise.resolve());
  drawSeen();
  addEventListener("toggle", drawSeen, true);

  // What a link led to stays where it is read while charts above it are drawn and take their room, until the reader moves.
  let aim = null;
  const keep = () => aim && aim.scrollIntoView({ behavior: "instant" });
  for (const kind of ["wheel", "touchstart", "pointerdown", "keydown"]) addEventListener(kind, () => { aim = null; }, { passive: true });

  // A link into a folded chapter opens it, in browsers too that do not do so by themselves.
  function reveal() {
    let target = null;
    try {
      target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    } catch {
      return; // no link of ours: it says nothing
    }
    const shut = target && target.closest("details:not([open])");
    if (shut) shut.open = true;
    aim = target;
    keep();
    drawSeen().then(() => { if (aim === target) aim = null; });
  }
  reveal();
  addEventListener("hashchange", reveal);

  // Printed is what is open: the folds of a chapter nobody opened stay as they are, and what a number counts is printed once, where it comes first.
  addEventListener("beforeprint", () => {
    figures.filter(seen).forEach(draw);
    const printed = new Set();
    document.querySelectorAll("details:not(.idp-chapter, .idp-chapter:not([open]) *)").forEach((one) => {
      const told = one.matches(".idp-definition-fold") && one.querySelector("dl").textContent;
      if (!one.open && !printed.has(told)) { one.open = true; one.dataset.shut = ""; }
      if (told) printed.add(told);
    });
  });
  addEventListener("afterprint", () => {
    document.querySelectorAll("details[data-shut]").forEach((one) => { one.open = false; delete one.dataset.shut; });
  });
})();
