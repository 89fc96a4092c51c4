// What must hold of a page as the browser shows it: its outline, its names for assistive technology, its colours, its width.
import assert from 'node:assert/strict';

const NAMED = new Set(['textbox', 'button', 'checkbox', 'link', 'image', 'region', 'table', 'group', 'form', 'spinbutton', 'combobox', 'status', 'columnheader', 'rowheader']);
const UNNAMED_IS_GOOD = new Set(['form', 'group', 'status']); // names there are welcome, and not needed

// The browser's own accessibility tree: what a screen reader is given.
async function accessibility(page) {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send('Accessibility.getFullAXTree');
  await session.detach();
  return nodes.filter((node) => !node.ignored).map((node) => ({
    role: node.role.value,
    name: (node.name?.value ?? '').trim(),
    description: (node.description?.value ?? '').trim(),
    focusable: (node.properties ?? []).some((one) => one.name === 'focusable' && one.value.value === true),
  }));
}

export async function checkOutline(page) {
  assert.equal(await page.locator('html').getAttribute('lang'), 'en');
  assert.notEqual(await page.title(), '');
  assert.equal(await page.locator('h1').count(), 1);
  assert.equal(await page.locator('main').count(), 1);
  assert.equal(await page.evaluate(() => document.compatMode), 'CSS1Compat');
  const levels = await page.evaluate(() => [...document.querySelectorAll('h1, h2, h3')].map((one) => Number(one.tagName[1])));
  levels.reduce((before, level) => (assert.ok(level <= before + 1, `headings ${levels}`), level), 0);
  const nodes = await accessibility(page);
  for (const node of nodes) {
    if (NAMED.has(node.role) && !UNNAMED_IS_GOOD.has(node.role)) assert.notEqual(node.name, '', `a ${node.role} without a name`);
  }
  assert.ok(nodes.some((node) => node.role === 'main'));
  return nodes;
}

// Nothing is cut off or reached by scrolling sideways, but for tables, which scroll by themselves.
export async function checkWidth(page) {
  const widths = await page.evaluate(() => [document.scrollingElement.scrollWidth, window.innerWidth]);
  assert.ok(widths[0] <= widths[1], `the page is ${widths[0]} wide in a window of ${widths[1]}`);
}

// WCAG 2.2, 1.4.3 and 1.4.11: texts 4.5, borders of controls and bars 3. Transparent is what lies behind; behind all: Canvas.
export async function checkContrast(page, what) {
  const poor = await page.evaluate(() => {
    const probe = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const octets = (colour) => {
      probe.clearRect(0, 0, 1, 1);
      probe.fillStyle = colour;
      probe.fillRect(0, 0, 1, 1);
      return [...probe.getImageData(0, 0, 1, 1).data];
    };
    const marker = document.body.appendChild(document.createElement('p'));
    marker.style.backgroundColor = 'Canvas'; // by script: the page's policy allows no attribute
    const canvas = octets(getComputedStyle(marker).backgroundColor);
    marker.remove();
    const luminance = ([r, g, b]) => [r, g, b].map((one) => one / 255).map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4))
      .reduce((sum, one, i) => sum + one * [0.2126, 0.7152, 0.0722][i], 0);
    const ratio = (a, b) => {
      const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
      return (high + 0.05) / (low + 0.05);
    };
    const behind = (element) => {
      for (let one = element; one !== null; one = one.parentElement) {
        const colour = octets(getComputedStyle(one).backgroundColor);
        if (colour[3] === 255) return colour;
      }
      return canvas;
    };
    const found = [];
    const check = (element, colour, least, kind, opacity = 1) => {
      const back = behind(kind === 'border' || kind === 'bar' ? element.parentElement : element);
      const value = ratio(octets(colour).map((one, i) => one * opacity + back[i] * (1 - opacity)), back);
      if (value < least) found.push(`${kind} of <${element.tagName.toLowerCase()} ${element.className?.baseVal ?? element.className}>: ${value.toFixed(2)} (${colour})`);
    };
    for (const element of document.querySelectorAll('body *')) {
      if (element.closest('[hidden], [aria-hidden], script') || element.getClientRects().length === 0) continue;
      const style = getComputedStyle(element);
      const inSvg = element instanceof SVGElement;
      if ([...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== '') && element.tagName !== 'title') {
        check(element, inSvg ? style.fill : style.color, 4.5, 'text');
      }
      if (element.matches('input, textarea') && element.type !== 'file' && element.type !== 'checkbox') {
        check(element, style.color, 4.5, 'text');
        check(element, style.borderTopColor, 3, 'border');
        const placeholder = getComputedStyle(element, '::placeholder');
        check(element, placeholder.color, 4.5, 'placeholder', Number(placeholder.opacity));
      }
      if (element.matches('rect.bar')) check(element, style.fill, 3, 'bar');
    }
    return found;
  });
  assert.deepEqual(poor, [], what);
}

export const LOOKS = [
  ['light', { colorScheme: 'light', forcedColors: 'none' }],
  ['dark', { colorScheme: 'dark', forcedColors: 'none' }],
  ['forced', { colorScheme: 'dark', forcedColors: 'active' }],
];

// The page in every look, wide and on a narrow screen, with screenshots; outline and names.
export async function checkPage(page, name, shot) {
  const nodes = await checkOutline(page);
  const size = page.viewportSize();
  for (const [look, media] of LOOKS) {
    await page.emulateMedia(media);
    await checkContrast(page, `${name}, ${look}`);
    await shot(`${name}-${look}`);
  }
  await page.emulateMedia(LOOKS[0][1]);
  await page.setViewportSize({ width: 320, height: 640 });
  await checkWidth(page);
  await shot(`${name}-narrow`);
  await page.setViewportSize(size);
  await checkWidth(page);
  return nodes;
}

// What has the focus, as "TAG name", and that one can see it (WCAG 2.4.7).
export async function focused(page) {
  const [what, outline, visible] = await page.evaluate(() => {
    const element = document.activeElement;
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    return [`${element.tagName.toLowerCase()} ${element.name || element.id || element.textContent.trim()}`.trim(),
      style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth), box.right > 0 && box.bottom > 0 && box.top < window.innerHeight];
  });
  assert.ok(outline >= 2, `the focus of ${what} is not seen`);
  assert.ok(visible, `${what} has the focus and is out of sight`);
  return what;
}
