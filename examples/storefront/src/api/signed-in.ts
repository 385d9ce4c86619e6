import { useSyncExternalStore } from 'react';
import { session } from './client.ts';

/** Whether somebody is signed in. */
export function useSignedIn(): boolean {
  return useSyncExternalStore(session.onChange, session.isSignedIn);
}
