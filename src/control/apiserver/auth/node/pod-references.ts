import type { Pod } from '../../../../base/api/generated/types.ts'

export interface PodReferences {
  readonly secrets: ReadonlySet<string>
  readonly configMaps: ReadonlySet<string>
  readonly claims: ReadonlySet<string>
}

/** What of its own namespace a Pod needs, by name. */
export function referencesOf({ metadata, spec }: Pod): PodReferences {
  const [secrets, configMaps, claims] = [new Set<string>(), new Set<string>(), new Set<string>()]
  const add = (set: Set<string>, name: string | undefined) => name && set.add(name)
  for (const { name } of spec.imagePullSecrets ?? []) add(secrets, name)
  for (const { env, envFrom } of [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])]) {
    for (const { valueFrom } of env ?? []) {
      add(secrets, valueFrom?.secretKeyRef?.name)
      add(configMaps, valueFrom?.configMapKeyRef?.name)
    }
    for (const { secretRef, configMapRef } of envFrom ?? []) {
      add(secrets, secretRef?.name)
      add(configMaps, configMapRef?.name)
    }
  }
  for (const volume of spec.volumes ?? []) {
    add(secrets, volume.secret?.secretName)
    add(secrets, volume.csi?.nodePublishSecretRef?.name)
    add(configMaps, volume.configMap?.name)
    add(claims, volume.persistentVolumeClaim?.claimName)
    if (volume.ephemeral) add(claims, `${metadata.name}-${volume.name}`)
    for (const { secret, configMap } of volume.projected?.sources ?? []) {
      add(secrets, secret?.name)
      add(configMaps, configMap?.name)
    }
  }
  return { secrets, configMaps, claims }
}
