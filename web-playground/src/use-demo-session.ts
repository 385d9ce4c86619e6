import { useState, useSyncExternalStore } from 'react';
import type { DemoSession } from './session.ts';

/** Whether the demo user is signed in, why that failed if it did, and the way from one to the other: what each page's button shows. */
export function useDemoSession(session: DemoSession): { isSignedIn: boolean; problem: string | null; toggle: () => void } {
  const isSignedIn = useSyncExternalStore(session.onChange, session.authorization) !== null;
  const [problem, setProblem] = useState<string | null>(null);

  async function signIn() {
    setProblem(null);
    try {
      await session.signIn();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  }

  return { isSignedIn, problem, toggle: isSignedIn ? () => session.signOut() : () => void signIn() };
}
