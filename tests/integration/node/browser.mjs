// Debian's Chromium, one scene after the other: node browser.mjs DIRECTORY-FOR-SCREENSHOTS
//
// A line of standard input is a scene as JSON ({"scene", "url", "scripts", "width", ...}), the line of standard output
// what it gave: {"result"}, or {"error"}. Every scene has a fresh profile and is watched: what the browser complains of,
// what is asked of another origin, and a page of ours without its guards is an error.
import path from 'node:path';
import readline from 'node:readline';
import { chromium } from 'playwright-core';
import { scenes } from './browser_scenes.mjs';
import { Watch } from './browser_watch.mjs';

const [directory] = process.argv.slice(2);
const SCENE_MS = 60000;
const STEP_MS = 10000;
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'];
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: flags });

const late = (name) => new Promise((resolve, reject) => {
  setTimeout(() => reject(new Error(`${name} takes more than ${SCENE_MS / 1000} s`)), SCENE_MS).unref();
});

async function play({ scene, scripts = true, width = 1000, ...rest }) {
  const context = await browser.newContext({ javaScriptEnabled: scripts, viewport: { width, height: 800 }, ignoreHTTPSErrors: false });
  context.setDefaultTimeout(STEP_MS);
  try {
    const page = await context.newPage();
    const watch = new Watch(rest.url);
    await watch.begin(context, page);
    const shot = (name) => page.screenshot({ path: path.join(directory, `${name}.png`), fullPage: true });
    const result = await Promise.race([scenes[scene](page, { ...rest, shot, watch }), late(scene)]);
    await watch.end();
    return result ?? null;
  } finally {
    await context.close();
  }
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const answer = await play(JSON.parse(line)).then((result) => ({ result }), (error) => ({ error: error.stack }));
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
