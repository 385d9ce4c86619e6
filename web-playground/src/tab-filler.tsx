import { pick, useGraphiQL } from '@graphiql/react';
import { useEffect, useSyncExternalStore } from 'react';
import { send, session } from './api.ts';
import { withAuthorization } from './headers.ts';
import { fillPlaceholders, hasPlaceholder } from './placeholders.ts';

/** Keeps the open tab ready to run: the demo user's token in its headers, ids in place of placeholders. Renders nothing. */
export function TabFiller() {
  const { queryEditor, headerEditor, variableEditor, tabs, activeTabIndex } = useGraphiQL(
    pick('queryEditor', 'headerEditor', 'variableEditor', 'tabs', 'activeTabIndex'),
  );
  const authorization = useSyncExternalStore(session.onChange, session.authorization);
  const tabId = tabs[activeTabIndex]?.id;

  // Descriptions, ids and tokens are longer than the panes are wide.
  useEffect(() => {
    for (const editor of [queryEditor, variableEditor, headerEditor]) editor?.updateOptions({ wordWrap: 'on' });
  }, [queryEditor, variableEditor, headerEditor]);

  useEffect(() => {
    if (headerEditor) rewrite(headerEditor, withAuthorization(headerEditor.getValue(), authorization, session.isOurs));
  }, [headerEditor, authorization, tabId]);

  useEffect(() => {
    if (!variableEditor || !hasPlaceholder(variableEditor.getValue())) return;
    let isLeft = false;
    const text = variableEditor.getValue();
    fillPlaceholders(text, send, authorization === null ? {} : { Authorization: authorization }).then(
      (filled) => {
        const isUntouched = !isLeft && variableEditor.getValue() === text;
        if (isUntouched) rewrite(variableEditor, filled);
      },
      // The placeholder stays in sight, and the server's answer names it when the operation is run.
      (problem: unknown) => console.warn('No id for the placeholder', problem),
    );
    return () => {
      isLeft = true;
    };
  }, [variableEditor, authorization, tabId]);

  return null;
}

interface TextEditor {
  getValue(): string;
  setValue(text: string): void;
}

function rewrite(editor: TextEditor, text: string): void {
  if (editor.getValue() !== text) editor.setValue(text);
}
