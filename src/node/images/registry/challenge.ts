/** What a `WWW-Authenticate` header asks for (RFC 9110, 11.6.1): the scheme in lower case, and its parameters. */
export interface Challenge {
  readonly scheme: string
  readonly parameters: Readonly<Record<string, string>>
}

export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = []
  const pattern = /([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))|([A-Za-z][\w-]*)(?=\s|,|$)/g
  for (const [, name, quoted, plain, scheme] of header.matchAll(pattern)) {
    if (scheme) challenges.push({ scheme: scheme.toLowerCase(), parameters: {} })
    else if (name) {
      const current = challenges.at(-1)
      if (current) current.parameters[name.toLowerCase()] = quoted?.replace(/\\(.)/g, '$1') ?? plain ?? ''
    }
  }
  return challenges
}
