"use strict";
// The theme, the contents, and the charts. Charts take their colours from CSS variables, which SVG attributes may name
// (SVG 2, presentation attributes are CSS): a change of theme, or paper, changes them without drawing them again.
(() => {
  const root = document.documentElement, button = document.getElementById("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  const paint = () => {
    root.dataset.theme = chosen ?? (dark.matches ? "dark" : "light");
    button.textContent = root.dataset.theme === "dark" ? "Light" : "Dark";
    button.setAttribute("aria-label", `Switch to ${button.textContent.toLowerCase()} theme`);
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    chosen = root.dataset.theme === "dark" ? "light" : "dark";
    paint();
  });
  dark.addEventListener("change", paint);
  paint();

  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((one) => one.isIntersecting)) {
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(entry.target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-10% 0px -80% 0px" });
  for (const section of document.querySelectorAll("main > section")) seen.observe(section);

  const options = {
    actions: false, ast: true, defaultStyle: false, renderer: "svg", mode: "vega-lite",
    tooltip: { disableDefaultStyle: true }, loader: { load: () => Promise.reject(new Error("nothing is loaded")) },
  };
  const draw = async () => {
    const charts = JSON.parse(document.getElementById("charts").textContent);
    for (const [id, spec] of Object.entries(charts)) {
      const place = document.getElementById(id);
      // Names get a part of the width only, so that something is left to draw in on a phone.
      spec.config.axis.labelLimit = Math.min(280, 0.4 * place.clientWidth);
      const { view } = await vegaEmbed(place, spec, options);
      place.dataset.drawn = "yes";
      // Charts are as wide as their place; Vega hears of the window's size only.
      let width = place.clientWidth;
      new ResizeObserver(() => {
        if (place.clientWidth && place.clientWidth !== width) {
          width = place.clientWidth;
          view.width(width).resize().runAsync();
        }
      }).observe(place);
    }
    root.dataset.drawn = "yes";
  };
  draw();
})();
