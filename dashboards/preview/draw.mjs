// Draws the dashboards into PNG files: node draw.mjs --prometheus=URL [--now=SECONDS] [--out=DIR] [--width=PIXELS] [--closed] [--empty] [NAME:THEME...]
// It fails where a panel has no data (but with --empty), an expression an error, a
// heading is cut, or Grafana's libraries don't know what a dashboard names. Rows are
// opened, but with --closed.
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { createServer } from 'node:http';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { prometheus: { type: 'string' }, now: { type: 'string', default: String(Math.floor(Date.now() / 1000)) }, width: { type: 'string', default: '1600' }, closed: { type: 'boolean', default: false }, empty: { type: 'boolean', default: false }, out: { type: 'string', default: join(here, '../../docs/dashboards') }, chromium: { type: 'string', default: process.env.CHROMIUM ?? '/usr/bin/chromium' } },
});
const pictures = positionals.length ? positionals : ['overview:dark', 'security:dark', 'operations:dark', 'overview:light'];

await build({
  entryPoints: [join(here, 'src/main.tsx')], outfile: join(here, 'dist/main.js'), bundle: true, minify: true, format: 'iife', logLevel: 'error',
  loader: { '.svg': 'dataurl', '.woff2': 'dataurl', '.ttf': 'dataurl' }, define: { 'process.env.NODE_ENV': '"production"' },
});

const page = '<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="/main.css"><style>body{margin:0}' + [400, 500].map((w) => `@font-face{font-family:Inter;font-weight:${w};src:url(/font/${w})}`).join('') + '</style><div id="root"></div><script src="/main.js"></script>';
const types = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', json: 'application/json' };
let dashboard = '';

async function answer(request, response) {
  const path = normalize(new URL(request.url, 'http://localhost').pathname);
  if (path === '/') return response.setHeader('content-type', 'text/html'), response.end(page);
  if (path.startsWith('/prometheus/')) {
    const body = Buffer.concat(await request.toArray());
    const from = await fetch(values.prometheus + path.slice('/prometheus'.length), { method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded' } });
    return response.setHeader('content-type', 'application/json'), response.end(await from.text());
  }
  const icon = path.indexOf('/img/');
  const weight = { '/font/400': 400, '/font/500': 500, '/public/fonts/inter/Inter-Regular.woff2': 400, '/public/fonts/inter/Inter-Medium.woff2': 500 }[path];
  const file = weight ? join(here, `node_modules/@fontsource/inter/files/inter-latin-${weight}-normal.woff2`)
    : path === '/dashboard.json' ? join(here, '..', dashboard + '.json')
    : icon >= 0 ? join(here, 'node_modules/@grafana/ui/dist/public', path.slice(icon)) : join(here, 'dist', path);
  const content = await readFile(file);
  response.setHeader('content-type', types[file.split('.').pop()] ?? 'application/octet-stream');
  response.end(content);
}

// cutHeadings names the headings of columns that are wider than their columns.
function cutHeadings() {
  return [...document.querySelectorAll('[role=columnheader]')].filter((heading) => {
    const text = document.createRange();
    text.selectNodeContents(heading);
    const [inside, around] = [text.getBoundingClientRect(), heading.getBoundingClientRect()];
    return heading.textContent && (inside.left < around.left || inside.right > around.right);
  }).map((heading) => `the heading ${heading.textContent} is cut`);
}

const server = createServer((request, response) => answer(request, response).catch(() => { response.statusCode = 404; response.end(); }));
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const browser = await chromium.launch({
  executablePath: values.chromium,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
let failed = false;
try {
  await mkdir(values.out, { recursive: true });
  for (const picture of pictures) {
    const [name, theme] = picture.split(':');
    dashboard = name;
    const tab = await browser.newPage({ viewport: { width: Number(values.width), height: 10000 } });
    const problems = [];
    await tab.clock.setFixedTime(Number(values.now) * 1000); // ages are counted from it
    tab.on('pageerror', (e) => problems.push(String(e)));
    await tab.goto(`http://127.0.0.1:${server.address().port}/?theme=${theme}&now=${values.now}&width=${values.width}${values.closed ? '&closed' : ''}${values.empty ? '&empty' : ''}`);
    await tab.waitForFunction(() => window.drawn, null, { timeout: 60_000 });
    await tab.waitForLoadState('networkidle'); // icons
    await tab.evaluate(() => document.fonts.ready);
    await tab.evaluate(() => new Promise((settled) => setTimeout(settled, 1000))); // animations
    problems.push(...(await tab.evaluate(() => window.problems)), ...(await tab.evaluate(cutHeadings)));
    for (const p of problems) console.error(`${name}: ${p}`);
    failed ||= problems.length > 0;
    const path = join(values.out, theme === 'dark' ? `${name}.png` : `${name}-${theme}.png`);
    await tab.locator('[data-dashboard]').screenshot({ path });
    console.log('drew', path);
    await tab.close();
  }
} finally {
  await browser.close();
  server.close();
}
process.exit(failed ? 1 : 0);
