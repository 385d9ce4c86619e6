import { useSyncExternalStore } from 'react';
import { useDemoSession } from '../use-demo-session.ts';
import { session } from './api.ts';

/** Whether the demo user is signed in. */
export function useIsSignedIn(): boolean {
  return useSyncExternalStore(session.onChange, session.authorization) !== null;
}

/** Signs the demo user in or out; the token is kept in memory only. */
export function SignInButton() {
  const { isSignedIn, problem, toggle } = useDemoSession(session);

  return (
    <span className="sign-in">
      {problem !== null && (
        <span role="alert" className="problem">
          {problem}
        </span>
      )}
      <button type="button" onClick={toggle}>
        {isSignedIn ? 'Sign out demo user' : 'Sign in as demo user'}
      </button>
    </span>
  );
}
