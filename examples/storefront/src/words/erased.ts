/** What somebody wrote, or that it went with its author's account: after an erasure all that they wrote is empty. */
export function writtenWords(text: string): string {
  return text === '' ? 'Erased with its author’s account' : text;
}
