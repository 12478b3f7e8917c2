// The field labels that each kind may be selected by, as upstream registers them with AddFieldLabelConversionFunc.
import type { Kind } from '../../base/api/kind.ts'
import type { KubeObject } from '../../base/api/object.ts'
import { badRequest } from './errors.ts'

type Read = (object: KubeObject) => string

const at = (path: string): Read => {
  const parts = path.split('.')
  return (object) => {
    let value: unknown = object
    for (const part of parts) value = (value as Record<string, unknown> | undefined)?.[part]
    return typeof value === 'object' || value === undefined ? '' : String(value as string | number | boolean)
  }
}

const paths = (...labels: string[]): Readonly<Record<string, Read>> => Object.fromEntries(labels.map((label) => [label, at(label)]))
const metadata = paths('metadata.name', 'metadata.namespace')
const podIPs: Read = (object) => at('status.podIP')(object)

const eventLabels = paths(
  'involvedObject.kind',
  'involvedObject.namespace',
  'involvedObject.name',
  'involvedObject.uid',
  'involvedObject.apiVersion',
  'involvedObject.resourceVersion',
  'involvedObject.fieldPath',
  'reason',
  'reportingComponent',
  'type',
)

const byKind: Readonly<Record<string, Readonly<Record<string, Read>>>> = {
  'core/pods': {
    ...paths('spec.nodeName', 'spec.restartPolicy', 'spec.schedulerName', 'spec.serviceAccountName', 'status.phase', 'status.nominatedNodeName'),
    'spec.hostNetwork': (object) => String((object as { spec?: { hostNetwork?: boolean } }).spec?.hostNetwork ?? false),
    'status.podIP': podIPs,
    'status.podIPs': podIPs,
  },
  'core/nodes': { 'spec.unschedulable': (object) => String((object as { spec?: { unschedulable?: boolean } }).spec?.unschedulable ?? false) },
  'core/namespaces': { ...paths('status.phase'), name: at('metadata.name') },
  'core/secrets': paths('type'),
  'core/services': paths('spec.clusterIP', 'spec.type'),
  'core/replicationcontrollers': paths('status.replicas'),
  'core/events': { ...eventLabels, source: (object) => at('source.component')(object) || at('reportingComponent')(object) },
  'apps/replicasets': paths('status.replicas'),
  'batch/jobs': paths('status.successful'),
  'certificates.k8s.io/certificatesigningrequests': paths('spec.signerName'),
}

/** Reads the value that a field selector's label stands for; refuses labels upstream does not know. */
export function fieldLabel(kind: Kind, label: string): Read {
  const own = byKind[`${kind.group || 'core'}/${kind.plural}`]
  const read = metadata[label] ?? own?.[label]
  if (read) return read
  throw badRequest(own ? `field label not supported: ${label}` : `"${label}" is not a known field selector: only "metadata.name", "metadata.namespace"`)
}
