import type { Mutable } from '../../../base/api/object.ts'
import type { Pod } from '../../../base/api/generated/types.ts'
import { serviceAccounts } from '../../../base/api/kinds.ts'
import type { Reader } from '../context.ts'
import { forbidden } from '../errors.ts'
import { randomSuffix } from '../storage/create-object.ts'
import type { AdmissionPlugin } from './admission.ts'

const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount'
const volumePrefix = 'kube-api-access-'
/** Upstream's odd hour: it marks tokens that the kubelet may be given longer ones for. */
const tokenSeconds = 3607
const readOnlyMode = 0o644

type DraftPod = Mutable<Pod>
type DraftContainer = DraftPod['spec']['containers'][number]

/** Gives every Pod an account and the means to reach the API as that account. */
export const serviceAccountAdmission = (reader: Reader): AdmissionPlugin => ({
  name: 'ServiceAccount',
  admit({ operation, resource: { kind }, subresource, object, namespace }) {
    if (operation !== 'CREATE' || kind.group !== '' || kind.plural !== 'pods' || subresource) return
    const pod = object as unknown as DraftPod
    if (pod.metadata.annotations?.['kubernetes.io/config.mirror']) return
    pod.spec.serviceAccountName ||= 'default'
    ;(pod.spec as { serviceAccount?: string }).serviceAccount = pod.spec.serviceAccountName
    const name = pod.spec.serviceAccountName
    const account = reader.get(serviceAccounts, { namespace, name })
    if (!account) throw forbidden(kind, pod.metadata.name, `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`)
    if (!pod.spec.imagePullSecrets?.length && account.imagePullSecrets?.length) pod.spec.imagePullSecrets = structuredClone(account.imagePullSecrets) as never
    if (pod.spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(pod)
  },
})

function mountToken(pod: DraftPod): void {
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers]
  const without = containers.filter((container) => !container.volumeMounts?.some((mount) => mount.mountPath === mountPath))
  if (without.length === 0) return
  const existing = pod.spec.volumes?.find((volume) => volume.name.startsWith(volumePrefix))
  const name = existing?.name ?? `${volumePrefix}${randomSuffix()}`
  for (const container of without) addMount(container, name)
  if (!existing) pod.spec.volumes = [...(pod.spec.volumes ?? []), accessVolume(name) as NonNullable<DraftPod['spec']['volumes']>[number]]
}

function addMount(container: DraftContainer, name: string): void {
  container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath } as NonNullable<DraftContainer['volumeMounts']>[number]]
}

const accessVolume = (name: string): object => ({
  name,
  projected: {
    sources: [
      { serviceAccountToken: { expirationSeconds: tokenSeconds, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
    ],
    defaultMode: readOnlyMode,
  },
})
