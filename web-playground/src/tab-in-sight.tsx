import { pick, useGraphiQL } from '@graphiql/react';
import { useEffect } from 'react';

/** Scrolls the row of tabs to the open one, which may have been opened from a pane: else none of those in sight looks open. Renders nothing. */
export function TabInSight() {
  const { tabs, activeTabIndex } = useGraphiQL(pick('tabs', 'activeTabIndex'));
  const tab = tabs[activeTabIndex];
  useEffect(bringIntoSight, [tab?.id, tab?.title]);
  return null;
}

/** The row alone is scrolled: `scrollIntoView` would also scroll the whole of a narrow page. */
function bringIntoSight(): void {
  const row = document.querySelector('.graphiql-tabs');
  const tab = row?.querySelector('.graphiql-tab-active');
  if (!row || !tab) return;
  const [frame, box] = [row.getBoundingClientRect(), tab.getBoundingClientRect()];
  if (box.right > frame.right) row.scrollLeft += box.right - frame.right;
  if (box.left < frame.left) row.scrollLeft -= frame.left - box.left;
}
