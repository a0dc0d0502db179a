// Loads what all pages of a set share, in order: of each script where it lies and its hash.
(() => {
  "use strict";
  const scripts = [];
  const missing = () => document.querySelectorAll(".idp-chart:not([data-drawn]) .idp-plot").forEach((plot) => {
    plot.textContent = "The chart needs the files in the folder assets of these reports; its numbers are in the table.";
  });
  for (const [address, integrity] of scripts) {
    const script = document.createElement("script");
    script.async = false;
    script.onerror = missing;
    // Of a file opened from a disk no browser checks a hash; asked to, it refuses the file.
    if (location.protocol !== "file:") script.integrity = integrity;
    script.src = address;
    document.head.append(script);
  }
})();
