import { CombinedGraphQLErrors, ServerError, ServerParseError } from '@apollo/client';
import type { ProblemFragment } from '../gql/graphql.ts';
import { moneyWords } from './money.ts';
import { statusWords } from './statuses.ts';

/** Why a command was rejected, in plain words. `nameOf` knows the products that the reader sees. */
export function problemWords(problem: ProblemFragment, nameOf: (productId: string) => string = () => 'this product'): string {
  switch (problem.__typename) {
    case 'OutOfStock':
      return stockWords(problem.available, nameOf(problem.productId));
    case 'InsufficientFunds':
      return `Your wallet holds ${moneyWords(problem.balance)}: ${moneyWords(problem.missing)} are missing.`;
    case 'InvalidTransition':
      return `That is not possible any more: it is ${statusWords(problem.from)} by now.`;
    case 'VersionConflict':
      return 'Somebody changed it in the meantime. Look at it again, then repeat.';
    case 'InvalidCredentials':
      return 'E-mail address and password do not belong together.';
    case 'NotFound':
      return 'It is not there any more.';
    case 'CurrencyMismatch':
      return 'Amounts in different currencies do not go together.';
    default:
      return sentence(problem.message);
  }
}

function stockWords(available: number, name: string): string {
  if (available === 0) return `${capital(name)} is sold out.`;
  return `Only ${available} of ${name} ${available === 1 ? 'is' : 'are'} left.`;
}

/** The codes of errors that stand outside a payload. */
const FAILURES: Record<string, string> = {
  UNAUTHENTICATED: 'Please sign in first.',
  FORBIDDEN: 'This is not for you to see.',
  RATE_LIMITED: 'That was too often. Please wait a moment.',
  LIMIT_EXCEEDED: 'That was too much at once. Please wait a moment, then try again.',
  UNAVAILABLE: 'A part of the shop does not answer at the moment. Please try again.',
  TIMEOUT: 'It took too long. Please try again.',
  CONSISTENCY_TIMEOUT: 'The newest state is not here yet. Please try again in a moment.',
  HISTORY_GONE: 'The shop was put back to an earlier state. Please try again.',
  INTERNAL: 'Something went wrong on our side.',
};

/** Why there is no answer at all, in plain words. */
export function failureWords(error: unknown): string {
  if (CombinedGraphQLErrors.is(error)) {
    const [first] = error.errors;
    return FAILURES[String(first?.extensions?.code)] ?? sentence(first?.message ?? 'It did not work');
  }
  if (ServerError.is(error) || ServerParseError.is(error)) return 'The shop does not answer at the moment. Please try again.';
  return 'The shop cannot be reached. Is it running, and are you online?';
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const sentence = (text: string): string => capital(text).replace(/[^.!?]$/, '$&.');
