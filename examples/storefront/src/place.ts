/** What a path names: a section, and of what. The argument is null where it cannot be read: then no page is meant. */
export interface Place {
  section: string;
  argument: string | null;
}

export function placeOf(path: string): Place {
  const [, section = '', argument = ''] = path.split('/');
  return { section, argument: decoded(argument) };
}

/** Anybody can type or link to a lone `%`. It comes up while the page is rendered, where an error would leave nothing to see. */
function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}
