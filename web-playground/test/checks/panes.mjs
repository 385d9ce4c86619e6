// The panes beside the editors: the explorer, which writes an operation by clicks, and the history of what was run.
import assert from 'node:assert/strict';
import { data, run, tabHolds, textOf, typeOperation } from '../editors.mjs';
import { until } from '../steps.mjs';

const EXPLORED = 'query Explored { posts(first: 1) { nodes { id } } }';
const operation = (page) => textOf(page, 'operation.graphql');

export const panes = {
  async 'the explorer writes an operation that runs'(page, shot) {
    await page.getByRole('button', { name: 'New tab' }).click();
    await until('an empty tab', () => operation(page), (text) => text === '');
    await typeOperation(page, 'query Explored { viewer { roles } }');
    await page.getByRole('button', { name: 'Show GraphiQL Explorer' }).click();
    const field = (name) => page.locator('.graphiql-explorer-root').getByText(name, { exact: true }).first();
    await field('posts').click();
    await until('the field', () => operation(page), (text) => /roles[^]*posts/.test(text));
    await field('first:').click();
    await until('its argument', () => operation(page), (text) => /posts\(first: \d*\)/.test(text));
    await shot('explorer');
    await typeOperation(page, EXPLORED);
    await tabHolds(page, EXPLORED);
    await run(page);
    await data(page, 'the posts', (value) => value.posts?.nodes.length === 1);
    await page.getByRole('button', { name: 'Hide GraphiQL Explorer' }).click();
  },

  async 'the history has what was run, and brings it back'(page, shot) {
    await page.getByRole('button', { name: 'Show History' }).click();
    const entry = page.locator('.graphiql-history-item-label', { hasText: 'Explored' }).first();
    await entry.waitFor();
    await shot('history');
    await typeOperation(page, 'query Other { viewer { roles } }');
    await entry.click();
    await until('the older text', () => operation(page), (text) => text.includes('Explored'));
    assert.ok(!(await operation(page)).includes('Other'));
    await page.getByRole('button', { name: 'Hide History' }).click();
  },

  async 'the examples are beside them again'(page) {
    const button = page.getByRole('button', { name: 'Show Examples' });
    if (await button.isVisible()) await button.click();
    await page.locator('[data-example="newest-posts"]').waitFor();
  },
};
