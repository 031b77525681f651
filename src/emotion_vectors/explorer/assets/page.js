// What the page's own pieces need: values of a token on hover, focus and tap, and arrow keys between tokens and points.
(() => {
  const tip = document.createElement('div');
  tip.id = 'ev-tip';
  tip.setAttribute('role', 'tooltip');
  const hide = () => { tip.style.display = 'none'; };
  const show = (target) => {
    if (!tip.isConnected) document.body.append(tip);
    tip.textContent = target.dataset.tip; // text, never HTML
    tip.style.display = 'block';
    const box = target.getBoundingClientRect();
    const left = Math.max(8, Math.min(box.left, window.innerWidth - tip.offsetWidth - 8));
    const below = box.bottom + 6;
    const top = below + tip.offsetHeight > window.innerHeight ? box.top - tip.offsetHeight - 6 : below;
    tip.style.left = left + 'px';
    tip.style.top = Math.max(8, top) + 'px';
  };
  const holder = (event) => event.target.closest && event.target.closest('[data-tip]');
  for (const name of ['pointerover', 'focusin']) {
    document.addEventListener(name, (event) => { const found = holder(event); found ? show(found) : hide(); });
  }
  document.addEventListener('focusout', hide);
  document.addEventListener('scroll', hide, true);
  // A click into a list takes the whole name that is in it, so that the next letters search in place of lengthening it.
  let fresh = null;
  document.addEventListener('focusin', (event) => { fresh = event.target.matches('input[aria-expanded]') ? event.target : null; });
  document.addEventListener('input', () => { fresh = null; });
  document.addEventListener('click', (event) => { if (event.target === fresh) fresh.select(); fresh = null; });
  // A number beyond a slider's ends becomes the end while it is typed: the server refuses any other. What lies below a positive
  // lowest value may be the beginning of a larger number.
  document.addEventListener('input', (event) => {
    const field = event.target;
    if (!field.matches('input[type=number]') || field.value === '') return;
    const [low, high, value] = [field.min, field.max, field.value].map((one) => one === '' ? NaN : Number(one));
    if (value > high) field.value = high;
    else if (value < low && low <= 0) field.value = low;
  }, true);
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') hide();
    const found = holder(event);
    if (!found || !(event.key in steps)) return;
    const all = [...found.parentElement.querySelectorAll(':scope > [data-tip]')];
    const next = all[all.indexOf(found) + steps[event.key]];
    if (!next) return;
    event.preventDefault();
    found.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
})();
