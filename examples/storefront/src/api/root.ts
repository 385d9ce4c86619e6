/** The one field of a mutation or a subscription. */
export type Root<Data> = Data[Exclude<keyof Data, '__typename'>];

export function rootOf<Data extends object>(data: Data): Root<Data> {
  const [, root] = Object.entries(data).find(([name]) => name !== '__typename') ?? [];
  return root as Root<Data>;
}
