import type { BylineFragment } from '../gql/graphql.ts';
import { agoWords, momentWords } from '../words/dates.ts';

const HUES = 360;

/** The same person has the same colour everywhere. */
function hueOf(name: string): number {
  return [...name].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)!) % HUES, 7);
}

const initials = (name: string): string => name.split(' ').map((word) => word.charAt(0)).slice(0, 2).join('');

export function Avatar({ name }: { name: string }) {
  return (
    <span className="avatar" style={{ backgroundColor: `hsl(${hueOf(name)} 38% 36%)` }} aria-hidden="true">
      {initials(name)}
    </span>
  );
}

/** Who wrote something, and when. */
export function Byline({ author, at }: { author: BylineFragment; at: string }) {
  return (
    <p className="byline">
      <Avatar name={author.fullName} />
      <span>
        <b>{author.fullName}</b> <Ago at={at} />
      </span>
    </p>
  );
}

export function Ago({ at }: { at: string }) {
  return (
    <time dateTime={at} title={momentWords(at)}>
      {agoWords(at)}
    </time>
  );
}
