import type { SubscriptionForwarder } from '@urql/core';
import { errorsOf } from '../persistent.ts';
import { subscribeWithResume, type LiveClient, type LivePayload } from '../resume.ts';

/** For urql's `subscriptionExchange({ forwardSubscription: forwardWithResume(client) })`: resumes subscriptions behind their last cursor. */
export function forwardWithResume(client: LiveClient): SubscriptionForwarder {
  return (request) => ({
    subscribe: (observer) => ({
      unsubscribe: subscribeWithResume(client, request as LivePayload, {
        next: (result) => observer.next(result as Parameters<typeof observer.next>[0]),
        error: (problem) => observer.error(errorsOf(problem)),
        complete: () => observer.complete(),
      }),
    }),
  });
}
