import { useSyncExternalStore } from 'react';
import { Connection } from './connection.tsx';
import { feed } from './feed.ts';
import { Find } from './find.tsx';
import { LagPanel } from './lag-panel.tsx';
import { LatestEvents } from './latest-events.tsx';
import { Numbers } from './numbers.tsx';
import { SignInButton } from './sign-in-button.tsx';
import { StripPanel } from './strip-panel.tsx';
import { TryItPanel } from './try-it-panel.tsx';

/** The pipeline as it is now, and tools to follow one thing through it. */
export function Page() {
  const state = useSyncExternalStore(feed.onChange, feed.state);
  return (
    <>
      <header className="top">
        <h1>
          millrace <span>pipeline</span>
        </h1>
        <a href="./">Playground</a>
        <SignInButton />
      </header>
      <main>
        <Connection state={state} />
        <StripPanel state={state} />
        <div className="two">
          <LatestEvents sample={state.sample} />
          <Numbers sample={state.sample} />
        </div>
        <TryItPanel />
        <LagPanel lags={state.lags} />
        <Find sample={state.sample} />
      </main>
    </>
  );
}
