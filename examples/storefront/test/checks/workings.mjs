// The page that shows how tokens and cursors work.
import assert from 'node:assert/strict';
import { until } from '../../../../web-playground/test/steps.mjs';
import { entry } from './news.mjs';

const log = (page) => page.locator('.log li').evaluateAll((lines) => lines.map(({ dataset, textContent }) => ({ kind: dataset.kind, text: textContent })));
const cursorIn = ({ text }) => /…(\S+)$/.exec(text)?.[1];

export const workings = {
  async 'with the token no reader is shown the state from before'(page) {
    await entry(page, 'How it works');
    await page.getByRole('button', { name: /Write and read/ }).click();
    const result = page.locator('[data-rounds="10"]');
    await result.waitFor();
    assert.equal(await result.getAttribute('data-old-with-token'), '0');
    await page.getByText(/Millrace-Consistency: mr1~/).waitFor();
  },

  async 'a line that was cut goes on behind its last event, with each write once'(page, shot) {
    await page.getByRole('button', { name: 'Cut the line' }).click();
    const before = await log(page);
    const last = before.findLast(({ kind }) => kind === 'heard');
    await page.getByRole('button', { name: 'Write twice' }).click();
    await until('both writes', () => log(page), ({ length }) => length === before.length + 2);
    await page.getByRole('button', { name: 'Mend the line' }).click();
    const after = await until('both events', () => log(page), (lines) => lines.slice(before.length).filter(({ kind }) => kind === 'heard').length === 2);
    const [asked, ...heard] = after.slice(before.length + 3);
    assert.equal(asked.kind, 'asked');
    assert.equal(cursorIn(asked), cursorIn(last));
    assert.ok(heard.every(({ text }) => text.includes('Change at position')), JSON.stringify(heard));
    await shot('workings');
  },

  async 'who signs out is nobody'(page) {
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('link', { name: 'Sign in' }).waitFor();
    await entry(page, 'Orders');
    await page.getByRole('button', { name: 'Sign in as demo user' }).waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  },
};
