import type { ResourceFieldSelector } from '../generated/types.ts'
import { canonicalQuantity, isQuantity } from '../../lib/quantity.ts'
import type { FieldFault } from '../resource.ts'
import { invalid, notSupported, required } from './field.ts'

const resources = ['limits.cpu', 'limits.ephemeral-storage', 'limits.memory', 'requests.cpu', 'requests.ephemeral-storage', 'requests.memory']
const byteDivisors = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei']
const bytes = `only divisor's values ${byteDivisors.join(', ')} are supported with the`

const divisors: readonly { readonly of: RegExp; readonly allowed: readonly string[]; readonly words: string }[] = [
  { of: /\.cpu$/, allowed: ['1m', '1'], words: "only divisor's values 1m and 1 are supported with the cpu resource" },
  { of: /\.memory$/, allowed: byteDivisors, words: `${bytes} memory resource` },
  { of: /\.ephemeral-storage$/, allowed: byteDivisors, words: `${bytes} local ephemeral storage resource` },
  { of: /\.hugepages-/, allowed: byteDivisors, words: `${bytes} hugepages resource` },
]

/** A container's limit or request as a variable or file; a file must name the container. */
export const validateResourceFieldRef = (ref: ResourceFieldSelector, at: string, { isFile }: { isFile: boolean }): FieldFault[] => {
  if (isFile && !ref.containerName) return [required(`${at}.containerName`)]
  if (!ref.resource) return [required(`${at}.resource`)]
  if (!resources.includes(ref.resource) && !/^(limits|requests)\.hugepages-/.test(ref.resource))
    return [notSupported(`${at}.resource`, ref.resource, resources)]
  const divisor = isQuantity(ref.divisor ?? '0') ? canonicalQuantity(ref.divisor ?? '0') : (ref.divisor ?? '0')
  const rule = divisors.find(({ of }) => of.test(ref.resource))
  return divisor === '0' || !rule || rule.allowed.includes(divisor) ? [] : [invalid(`${at}.divisor`, ref.resource, rule.words)]
}
