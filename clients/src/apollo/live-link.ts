import { ApolloLink } from '@apollo/client';
import { CombinedGraphQLErrors } from '@apollo/client/errors';
import { print } from '@apollo/client/utilities';
import { Observable } from 'rxjs';
import { errorsOf } from '../persistent.ts';
import { subscribeWithResume, type LiveClient } from '../resume.ts';

/** The end of the chain for subscriptions, in place of Apollo's `GraphQLWsLink`: resumes them behind their last cursor. */
export function liveLink(client: LiveClient): ApolloLink {
  return new ApolloLink(({ query, operationName, variables, extensions }) => {
    const payload = { query: print(query), operationName: operationName ?? null, variables, extensions };
    return new Observable((observer) =>
      subscribeWithResume(client, payload, {
        next: (result) => observer.next(result as ApolloLink.Result),
        error: (problem) => observer.error(new CombinedGraphQLErrors({ errors: errorsOf(problem) })),
        complete: () => observer.complete(),
      }),
    );
  });
}
