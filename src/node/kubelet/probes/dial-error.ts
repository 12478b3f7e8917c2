const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ECONNRESET: 'connect: connection reset by peer',
}

/** A failed connection as Go words it. */
export const dialError = (error: NodeJS.ErrnoException, address: string): string => {
  if (error.code === 'ECONNRESET' && error.message === 'socket hang up') return 'EOF'
  const word = words[error.code ?? '']
  return word ? `dial tcp ${address}: ${word}` : error.message
}
