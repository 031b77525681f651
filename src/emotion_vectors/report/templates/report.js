"use strict";
document.addEventListener("DOMContentLoaded", () => {
  for (const holder of document.querySelectorAll("[data-chart]")) {
    const specification = JSON.parse(document.getElementById(holder.dataset.chart).textContent);
    const still = holder.querySelector("img");
    const live = document.createElement("div");
    live.className = "live";
    window.vegaEmbed(live, specification, { actions: false, renderer: "svg", tooltip: { theme: "light" } }).then(() => {
      // Vega fixes the size in pixels; the view box lets the style sheet fit it to the page.
      const picture = live.querySelector("svg");
      if (picture) {
        picture.style.setProperty("--natural", `${picture.viewBox.baseVal.width}px`);
        picture.style.removeProperty("width");
        picture.style.removeProperty("height");
        picture.setAttribute("role", "img");
        picture.setAttribute("aria-label", still.alt);
      }
      still.replaceWith(live);
    }).catch((error) => { holder.dataset.failed = String(error); });
  }
});
