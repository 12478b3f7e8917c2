/** Replaces `$(NAME)` by its value; `$$` is a dollar sign and what `lookup` does not know stays as written. */
export const expand = (text: string, lookup: (name: string) => string | undefined): string =>
  text.replace(/\$(?:\$|\(([^()]*)\))/g, (match, name: string | undefined) => (name === undefined ? '$' : (lookup(name) ?? match)))
