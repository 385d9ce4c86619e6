import { useState, useSyncExternalStore } from 'react';
import { session } from './api.ts';

/** Signs the demo user in or out. The token goes into the Headers editor, see `TabFiller`. */
export function DemoButton() {
  const authorization = useSyncExternalStore(session.onChange, session.authorization);
  const [problem, setProblem] = useState<string | null>(null);

  async function signIn() {
    setProblem(null);
    try {
      await session.signIn();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  }

  const isSignedIn = authorization !== null;
  return (
    <span className="millrace-demo">
      {problem !== null && (
        <span role="alert" className="millrace-problem" title={problem}>
          {problem}
        </span>
      )}
      <button
        type="button"
        className="graphiql-button millrace-demo-button"
        title={isSignedIn ? 'Takes the token out of the Headers editor' : 'Puts a token into the Headers editor; it is kept in memory only'}
        onClick={isSignedIn ? () => session.signOut() : () => void signIn()}
      >
        {isSignedIn ? 'Sign out demo user' : 'Sign in as demo user'}
      </button>
    </span>
  );
}
