import type { Container } from '../../../base/api/generated/types.ts'

/** A port number, from the container's named ports if need be. */
export const portOf = (port: string | number, container: Container): number => {
  if (typeof port === 'number') return port
  const named = container.ports?.find((one) => one.name === port)?.containerPort ?? Number(port)
  if (!Number.isInteger(named)) throw new Error(`couldn't find port: ${port} in container`)
  return named
}
