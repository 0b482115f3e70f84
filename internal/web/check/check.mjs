// Checks pages of a running exporter: node check.mjs URL PATH...
// with an HTML validator, and in Chromium, light and dark, with axe, for errors in
// the console, and for what is wider than the window. Each problem is a line.
// --pictures=DIR also writes what each page looks like.
import axe from 'axe-core';
import { HtmlValidate } from 'html-validate';
import { chromium } from 'playwright-core';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values, positionals: [base, ...paths] } = parseArgs({
  allowPositionals: true,
  options: { pictures: { type: 'string' }, chromium: { type: 'string', default: process.env.CHROMIUM ?? '/usr/bin/chromium' } },
});
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const widths = values.pictures ? [390, 1280, 1920] : [390, 1280];
let problems = 0;
function problem(...words) {
  problems++;
  console.log(words.join(': '));
}

const validator = new HtmlValidate({ extends: ['html-validate:recommended', 'html-validate:document'], root: true });

async function validate(path) {
  const response = await fetch(base + path);
  const report = await validator.validateString(await response.text(), path);
  for (const { messages } of report.results) {
    for (const m of messages) problem(path, `line ${m.line}`, m.ruleId, m.message);
  }
}

// wide names what reaches beyond the window.
function wide() {
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth <= clientWidth) return '';
  const wider = [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > clientWidth + 1);
  return `${scrollWidth} px, by ${wider.slice(0, 3).map((e) => e.outerHTML.slice(0, 120)).join(' | ')}`;
}

async function look(tab, path) {
  let at = path;
  // A page that says 404 is one of ours, and the browser reports it as an error.
  const ours = (m) => m.text().startsWith('Failed to load resource') && m.location().url === base + path;
  const notes = [
    ['console', (m) => ['error', 'warning'].includes(m.type()) && !ours(m) && problem(at, 'console', m.text())],
    ['pageerror', (e) => problem(at, 'script', e)],
  ];
  for (const [event, note] of notes) tab.on(event, note);
  await tab.goto(base + path, { waitUntil: 'networkidle' });
  await tab.evaluate(axe.source);
  for (const width of widths) {
    for (const colorScheme of ['light', 'dark']) {
      at = `${path} (${width} px, ${colorScheme})`;
      await tab.setViewportSize({ width, height: 844 });
      await tab.emulateMedia({ colorScheme });
      // Of the colours nothing depends on the width, and of the rest nothing on the colours.
      const runOnly = colorScheme === 'light' ? tags : width === widths[0] ? ['color-contrast'] : [];
      if (runOnly.length) {
        const { violations } = await tab.evaluate((options) => window.axe.run(document, options), { runOnly, resultTypes: ['violations'] });
        for (const v of violations) problem(at, v.id, v.help, v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(' | '));
      }
      const beyond = await tab.evaluate(wide);
      if (beyond) problem(at, 'wider than the window', beyond);
      if (values.pictures) await tab.screenshot({ path: join(values.pictures, `${encodeURIComponent(path)}-${width}-${colorScheme}.png`), fullPage: true });
    }
  }
  for (const [event, note] of notes) tab.off(event, note);
}

const browser = await chromium.launch({
  executablePath: values.chromium,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
try {
  if (values.pictures) await mkdir(values.pictures, { recursive: true });
  const tab = await browser.newPage();
  for (const path of paths) {
    await validate(path);
    await look(tab, path);
  }
} finally {
  await browser.close();
}
process.exit(problems ? 1 : 0);
