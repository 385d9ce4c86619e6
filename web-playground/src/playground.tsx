import { explorerPlugin } from '@graphiql/plugin-explorer';
import { HISTORY_PLUGIN } from '@graphiql/plugin-history';
import { GraphiQL } from 'graphiql';
import { fetcher, storage } from './api.ts';
import { DemoButton } from './demo-button.tsx';
import { variablesText } from './example-file.ts';
import { FIRST_TABS } from './examples.ts';
import { EXAMPLES_PLUGIN } from './examples-plugin.tsx';
import { LiveFooter } from './live-footer.tsx';
import { TabFiller } from './tab-filler.tsx';
import { TabInSight } from './tab-in-sight.tsx';
import { TransportSwitch } from './transport-switch.tsx';

/** Below this width the Examples pane would leave no room for the editors, so it starts closed. */
const PANE_MIN_WIDTH_PX = 1000;
/** Below this width everything is in one column (styles.css), where the operation needs the height more than its variables. */
const TOOLS_MIN_WIDTH_PX = 720;

// Made once: GraphiQL takes a new object for a change.
const plugins = [EXAMPLES_PLUGIN, explorerPlugin(), HISTORY_PLUGIN];
const firstTabs = FIRST_TABS.map((example) => ({ query: example.query, variables: variablesText(example) }));
const firstTools = window.innerWidth > TOOLS_MIN_WIDTH_PX ? 'variables' : false;
const firstPane = window.innerWidth >= PANE_MIN_WIDTH_PX ? EXAMPLES_PLUGIN : undefined;

/** GraphiQL with millrace's fetcher, examples and demo sign-in. */
export function Playground() {
  return (
    <GraphiQL
      fetcher={fetcher}
      storage={storage}
      plugins={plugins}
      visiblePlugin={firstPane}
      defaultTabs={firstTabs}
      defaultEditorToolsVisibility={firstTools}
      shouldPersistHeaders={false}
      showPersistHeadersSettings={false}
      schemaDescription
      inputValueDeprecation
    >
      <GraphiQL.Logo>
        <span className="millrace-name">millrace</span>
        <a className="millrace-link" href="pipeline">
          Pipeline
        </a>
        <TransportSwitch />
        <DemoButton />
      </GraphiQL.Logo>
      <GraphiQL.Footer>
        <LiveFooter />
      </GraphiQL.Footer>
      <TabFiller />
      <TabInSight />
    </GraphiQL>
  );
}
