import { useState, useSyncExternalStore } from 'react';
import { session, wordsOf } from './api.ts';

/** Whether the demo user is signed in. */
export function useIsSignedIn(): boolean {
  return useSyncExternalStore(session.onChange, session.authorization) !== null;
}

/** Signs the demo user in or out; the token is kept in memory only. */
export function SignInButton() {
  const isSignedIn = useIsSignedIn();
  const [problem, setProblem] = useState<string | null>(null);

  async function signIn() {
    setProblem(null);
    try {
      await session.signIn();
    } catch (error) {
      setProblem(wordsOf(error));
    }
  }

  return (
    <span className="sign-in">
      {problem !== null && (
        <span role="alert" className="problem">
          {problem}
        </span>
      )}
      <button type="button" onClick={isSignedIn ? () => session.signOut() : () => void signIn()}>
        {isSignedIn ? 'Sign out demo user' : 'Sign in as demo user'}
      </button>
    </span>
  );
}
