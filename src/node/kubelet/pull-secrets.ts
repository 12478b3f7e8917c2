import type { Pod } from '../../base/api/generated/types.ts'
import { type Keyring, parseDockerConfig } from '../images/registry/credentials.ts'
import type { References } from './environment.ts'

const keys: Readonly<Record<string, string>> = {
  'kubernetes.io/dockerconfigjson': '.dockerconfigjson',
  'kubernetes.io/dockercfg': '.dockercfg',
}

/** Who a Pod's images may be asked for as, by its `imagePullSecrets` (admission has put in those of its ServiceAccount), and which were not had. */
export const pullSecrets = async (pod: Pod, references: References): Promise<{ keyring: Keyring; missing: readonly string[] }> => {
  const keyring: Keyring[number][] = []
  const missing: string[] = []
  for (const { name = '' } of pod.spec.imagePullSecrets ?? []) {
    const secret = await references.secret(pod.metadata.namespace ?? '', name).catch(() => undefined)
    if (!secret) missing.push(name)
    const text = secret?.data?.[keys[secret.type ?? ''] ?? '']
    if (text !== undefined) keyring.push(...read(text))
  }
  return { keyring, missing }
}

// Validation holds the form of new Secrets; one that slipped by counts as empty, as upstream.
const read = (text: string): Keyring => {
  try {
    return parseDockerConfig(Buffer.from(text, 'base64').toString())
  } catch {
    return []
  }
}
