import { pick, useGraphiQL, useGraphiQLActions, type GraphiQLPlugin } from '@graphiql/react';
import { variablesText, type Example } from './example-file.ts';
import { EXAMPLES } from './examples.ts';

const GROUPS: readonly { kind: Example['kind']; heading: string }[] = [
  { kind: 'query', heading: 'Read' },
  { kind: 'subscription', heading: 'Live' },
  { kind: 'mutation', heading: 'Write' },
];

/** The pane that lists the examples; a click opens one in a tab of its own, or goes to the tab that has it. */
export const EXAMPLES_PLUGIN: GraphiQLPlugin = { title: 'Examples', icon: ExamplesIcon, content: ExamplesPane };

function ExamplesPane() {
  const open = useOpenExample();
  return (
    <section aria-label="Examples" className="millrace-examples">
      <div className="graphiql-doc-explorer-title">Examples</div>
      {GROUPS.map(({ kind, heading }) => (
        <div key={kind}>
          <h3>{heading}</h3>
          <ul>
            {EXAMPLES.filter((example) => example.kind === kind).map((example) => (
              <li key={example.name}>
                <ExampleButton example={example} open={open} />
              </li>
            ))}
          </ul>
        </div>
      ))}
    </section>
  );
}

function ExampleButton({ example, open }: { example: Example; open: (example: Example) => void }) {
  return (
    <button type="button" className="graphiql-un-styled millrace-example" data-example={example.name} onClick={() => open(example)}>
      <span className="millrace-example-title">{example.title}</span>
      {example.needs !== null && <span className="millrace-badge">needs {example.needs}</span>}
      {example.description !== '' && <span className="millrace-example-text">{example.description}</span>}
    </button>
  );
}

function useOpenExample(): (example: Example) => void {
  const { addTab, changeTab, stop } = useGraphiQLActions();
  const { queryEditor, variableEditor, tabs } = useGraphiQL(pick('queryEditor', 'variableEditor', 'tabs'));
  return (example) => {
    const open = tabs.findIndex((tab) => tab.query === example.query);
    if (open >= 0) return changeTab(open);
    // A new tab, unlike a change of tabs, leaves the subscription of the old one running out of sight.
    stop();
    addTab();
    // The editors' own change handlers carry the texts into the tab; setting the tab's values would not reach the editors.
    queryEditor?.setValue(example.query);
    variableEditor?.setValue(variablesText(example));
  };
}

function ExamplesIcon() {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
      <path d="M4 5.5h10M4 10h7M4 14.5h5M13 12.5v8l7-4z" strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  );
}
