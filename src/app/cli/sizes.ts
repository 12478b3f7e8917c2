import { cpus, totalmem } from 'node:os'
import { UsageError } from './context.ts'

const units: Readonly<Record<string, number>> = { '': 2 ** 20, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 }

/** minikube's forms: `1977mb`, `2g`, `1.5gb`, `2048` (megabytes) and, where `max` is given, `max`. Answers bytes. */
export function sizeInBytes(flag: string, max?: () => number) {
  return (text: string): number => {
    if (max && text === 'max') return max()
    const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)(b|[kmgt](?:i?b)?)?$/.exec(text.toLowerCase()) ?? []
    const bytes = Math.floor(Number(number) * (units[unit.slice(0, 1)] ?? 0))
    if (number === '' || bytes < 2 ** 20)
      throw new UsageError(`${flag} takes an amount such as 2g, 1977mb or 2048 (megabytes)${max ? ', or max' : ''} (got "${text}")`)
    return bytes
  }
}

export const allMemory = (): number => totalmem()

export function cpuCount(text: string): number {
  if (text === 'max') return cpus().length
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > cpus().length)
    throw new UsageError(`--cpus takes a whole number from 1 to ${cpus().length}, or max (got "${text}")`)
  return value
}
