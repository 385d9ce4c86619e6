// Starts Chromium with a fresh profile and collects what a page must not do.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { WAIT_MS } from './steps.mjs';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // The network is cut: nothing but this machine has an address.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
];
const VIEWPORT = { width: 1280, height: 800 };
/** How amounts and dates are written. */
const LOCALE = 'en-US';
/** A busy machine takes its time to start a browser. */
const LAUNCH_MS = 120_000;

/** Runs `use(context)` in a browser of its own and leaves nothing behind. */
export async function withBrowser(use) {
  const profile = await mkdtemp(join(tmpdir(), 'millrace-playground-'));
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  try {
    const options = { executablePath, headless: true, args: FLAGS, viewport: VIEWPORT, locale: LOCALE, timeout: LAUNCH_MS };
    const context = await chromium.launchPersistentContext(profile, options);
    context.setDefaultTimeout(WAIT_MS);
    await use(context).finally(() => context.close());
  } finally {
    await rm(profile, { recursive: true, force: true });
  }
}

/** Opens a page that records requests to other origins, console errors and uncaught errors in the list it returns. */
export async function openWatched(context, url, prepare = async () => {}) {
  const origin = new URL(url).host;
  const offences = [];
  const page = await context.newPage();
  const isForeign = (address) => !['data:', 'blob:'].includes(new URL(address).protocol) && new URL(address).host !== origin;
  page.on('request', (request) => isForeign(request.url()) && offences.push(`request to ${request.url()}`));
  page.on('websocket', (socket) => isForeign(socket.url()) && offences.push(`socket to ${socket.url()}`));
  page.on('console', (message) => message.type() === 'error' && offences.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => offences.push(`uncaught: ${error.message}`));
  await prepare(page);
  await page.goto(url);
  return { page, offences };
}
