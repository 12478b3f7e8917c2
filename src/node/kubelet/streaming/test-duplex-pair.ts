import { Duplex } from 'node:stream'

/** Two ends of a pipe in memory. */
export const duplexPair = (): [Duplex, Duplex] => {
  const make = (other: () => Duplex) =>
    new Duplex({ read() {}, write: (chunk, _encoding, done) => (other().push(chunk), done()), final: (done) => (other().push(null), done()) })
  const a: Duplex = make(() => b)
  const b: Duplex = make(() => a)
  return [a, b]
}
