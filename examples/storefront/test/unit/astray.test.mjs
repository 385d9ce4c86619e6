// Paths that lead nowhere, and pages that fail.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { Boundary } from '../.unit/parts/boundary.js';
import { placeOf } from '../.unit/place.js';

for (const [path, place] of [
  ['/', { section: '', argument: '' }],
  ['/shop', { section: 'shop', argument: '' }],
  ['/tags/sour%20dough', { section: 'tags', argument: 'sour dough' }],
  ['/posts/%', null],
  ['/tags/%E0%A4%A', null],
]) {
  test(`${path} is ${place === null ? 'no place' : 'a place'}`, () => assert.deepEqual(placeOf(path), place));
}

/** What a boundary shows once it has been handed this state. */
function shownIn(state) {
  const boundary = new Boundary({ children: createElement('p', null, 'the page') });
  Object.assign(boundary.state, state);
  return renderToStaticMarkup(boundary.render());
}

test('a page that fails leaves words and a way home', () => {
  assert.equal(shownIn({}), '<p>the page</p>');
  const shown = shownIn(Boundary.getDerivedStateFromError(new Error('broken')));
  assert.match(shown, /Something went wrong/);
  assert.match(shown, /<a href="\/">/);
});
