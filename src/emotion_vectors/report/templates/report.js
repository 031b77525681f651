"use strict";
document.addEventListener("DOMContentLoaded", () => {
  for (const holder of document.querySelectorAll("[data-chart]")) {
    const specification = JSON.parse(document.getElementById(holder.dataset.chart).textContent);
    const still = holder.querySelector("img");
    const live = document.createElement("div");
    live.className = "live";
    saved(holder.closest("figure"), still);
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

// The picture is in the page, so its links give it where the files beside the page are missing. Without scripts they lead to the files.
function saved(figure, still) {
  figure.querySelector("[data-save=svg]").href = still.src;
  const raster = figure.querySelector("[data-save=png]");
  raster.addEventListener("click", async (event) => {
    if (raster.href.startsWith("data:")) { return; }
    event.preventDefault();
    const canvas = document.createElement("canvas");
    await still.decode();
    canvas.width = 2 * still.naturalWidth;
    canvas.height = 2 * still.naturalHeight;
    canvas.getContext("2d").drawImage(still, 0, 0, canvas.width, canvas.height);
    raster.href = canvas.toDataURL("image/png");
    raster.click();
  });
}
