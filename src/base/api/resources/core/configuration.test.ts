import { describe, expect, it } from 'vitest'
import type { Secret } from '../../generated/types.ts'
import { secret } from './configuration.ts'

const faults = (type: string, data: Readonly<Record<string, string>>): readonly string[] => {
  const encoded = Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]))
  const object = { metadata: { name: 's', namespace: 'shop' }, type, data: encoded } as unknown as Secret
  return secret.validate(object).map(({ field, message }) => `${field}: ${message}`)
}

describe('a Secret of a built-in type', () => {
  it.each([
    ['kubernetes.io/tls', { 'tls.crt': 'c' }, ['data[tls.key]: Required value']],
    ['kubernetes.io/ssh-auth', {}, ['data[ssh-privatekey]: Required value']],
    ['kubernetes.io/basic-auth', {}, ['data[username]: Required value', 'data[password]: Required value']],
    ['kubernetes.io/dockerconfigjson', {}, ['data[.dockerconfigjson]: Required value']],
    [
      'kubernetes.io/dockerconfigjson',
      { '.dockerconfigjson': '{password' },
      ['data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": must be valid JSON'],
    ],
    ['kubernetes.io/dockercfg', { '.dockercfg': '' }, ['data[.dockercfg]: Invalid value: "<secret contents redacted>": must be valid JSON']],
    ['kubernetes.io/dockerconfigjson', { '.dockerconfigjson': '{"auths":{}}' }, []],
    ['example.com/other', { '.dockercfg': 'free' }, []],
  ])('%s with %j has the faults %j', (type, data, wanted) => {
    expect(faults(type, data)).toEqual(wanted)
  })
})
