"""WCAG contrast of every visible text of a page in the browser: `page.evaluate(CONTRAST)` gives what was seen and what is poor."""

CONTRAST = """() => {
  const pixel = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const channels = (code) => {
    pixel.clearRect(0, 0, 1, 1); pixel.fillStyle = code; pixel.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pixel.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[3] * top[i] + (1 - top[3]) * below[i]);
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(channels(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const poor = [];
  let seen = 0;
  const check = (element, words, code, limit) => {
    const below = ground(element), ink = over(channels(code), below);
    const [dark, light] = [luminance(ink), luminance(below)].sort((a, b) => a - b);
    const found = (light + 0.05) / (dark + 0.05);
    seen += 1;
    if (found < limit) poor.push(`${found.toFixed(2)} ${element.tagName}.${element.getAttribute('class')}: ${words.slice(0, 40)}`);
  };
  for (const element of document.body.querySelectorAll('*')) {
    const own = [...element.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join('');
    const words = own || (element.matches('input[type=text], input:not([type]), input[type=number], textarea') && element.value) || '';
    if (!words || !element.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
    if (!element.getClientRects().length || element.closest('[disabled], script, style, noscript')) continue;
    const style = getComputedStyle(element), size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    check(element, words, element.closest('svg') ? style.fill : style.color, large ? 3 : 4.5);
  }
  return {poor: [...new Set(poor)], seen};
}"""
