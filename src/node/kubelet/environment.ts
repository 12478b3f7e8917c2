import type { ConfigMap, Container, EnvFromSource, EnvVar, EnvVarSource, Secret } from '../../base/api/generated/types.ts'
import { expand } from './expansion.ts'
import { fieldValue, resourceFieldValue, type FieldContext } from './field-refs.ts'

/** What a Pod refers to by name; undefined where there is none. */
export interface References {
  configMap(namespace: string, name: string): Promise<ConfigMap | undefined>
  secret(namespace: string, name: string): Promise<Secret | undefined>
}

/** Thrown where the spec cannot become a container: the reason is CreateContainerConfigError. */
export class ContainerConfigError extends Error {
  override readonly name = 'ContainerConfigError'
}

export interface EnvironmentSources {
  readonly context: FieldContext
  readonly references: References
  readonly serviceEnv: ReadonlyMap<string, string>
}

/**
 * The variables of a container as upstream orders them: `envFrom`, then `env` (each may use those before it and the services'),
 * then service variables that nothing has overridden.
 */
export const containerEnvironment = async (container: Container, sources: EnvironmentSources): Promise<Map<string, string>> => {
  const env = new Map<string, string>()
  for (const source of container.envFrom ?? []) for (const [name, value] of await envFromPairs(source, sources)) env.set(name, value)
  for (const variable of container.env ?? []) {
    const value = await envValue(variable, container, sources, (name) => env.get(name) ?? sources.serviceEnv.get(name))
    if (value !== undefined) env.set(variable.name, value)
  }
  for (const [name, value] of sources.serviceEnv) if (!env.has(name)) env.set(name, value)
  return env
}

const decoded = (base64: string) => Buffer.from(base64, 'base64').toString('utf8')

const envFromPairs = async (source: EnvFromSource, { context, references }: EnvironmentSources): Promise<[string, string][]> => {
  const namespace = context.pod.metadata.namespace ?? ''
  const prefix = source.prefix ?? ''
  const pairs = (data: Readonly<Record<string, string>> | undefined): [string, string][] =>
    Object.entries(data ?? {})
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => [prefix + key, value])
  if (source.configMapRef) {
    const { name = '', optional } = source.configMapRef
    const found = await references.configMap(namespace, name)
    if (!found && !optional) throw new ContainerConfigError(`configmap "${name}" not found`)
    return pairs(found?.data)
  }
  if (source.secretRef) {
    const { name = '', optional } = source.secretRef
    const found = await references.secret(namespace, name)
    if (!found && !optional) throw new ContainerConfigError(`secret "${name}" not found`)
    return pairs(found?.data).map(([key, value]) => [key, decoded(value)])
  }
  return []
}

const envValue = async (variable: EnvVar, container: Container, sources: EnvironmentSources, lookup: (name: string) => string | undefined) => {
  if (variable.valueFrom && !variable.value) return valueFrom(variable.valueFrom, container, sources)
  return expand(variable.value ?? '', lookup)
}

const valueFrom = async (from: EnvVarSource, container: Container, { context, references }: EnvironmentSources): Promise<string | undefined> => {
  const namespace = context.pod.metadata.namespace ?? ''
  if (from.fieldRef) return fieldValue(from.fieldRef.fieldPath, context)
  if (from.resourceFieldRef) return resourceFieldValue(from.resourceFieldRef, context, container)
  if (from.configMapKeyRef) {
    const { name = '', key, optional } = from.configMapKeyRef
    const found = await references.configMap(namespace, name)
    if (!found && !optional) throw new ContainerConfigError(`configmap "${name}" not found`)
    const value = found?.data?.[key]
    if (value === undefined && !optional) throw new ContainerConfigError(`couldn't find key ${key} in ConfigMap ${namespace}/${name}`)
    return value
  }
  if (from.secretKeyRef) {
    const { name = '', key, optional } = from.secretKeyRef
    const found = await references.secret(namespace, name)
    if (!found && !optional) throw new ContainerConfigError(`secret "${name}" not found`)
    const value = found?.data?.[key]
    if (value === undefined && !optional) throw new ContainerConfigError(`couldn't find key ${key} in Secret ${namespace}/${name}`)
    return value === undefined ? undefined : decoded(value)
  }
  return undefined
}
