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
const named = paths('metadata.name')
/** A Go bool: left out, it is false. */
const flag =
  (path: string): Read =>
  (object) =>
    at(path)(object) || 'false'
/** A Go int. */
const count =
  (path: string): Read =>
  (object) =>
    at(path)(object) || '0'

const objectPaths = (at: string): string[] =>
  ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map((field) => `${at}.${field}`)

interface FieldLabels {
  readonly labels: Readonly<Record<string, Read>>
  /** Upstream words its refusals kind by kind. */
  refusal?(label: string): string
}

const byKind: Readonly<Record<string, FieldLabels>> = {
  'core/pods': {
    labels: {
      ...metadata,
      ...paths('spec.nodeName', 'spec.restartPolicy', 'spec.schedulerName', 'spec.serviceAccountName', 'status.phase', 'status.nominatedNodeName'),
      'spec.host': at('spec.nodeName'),
      'spec.hostNetwork': flag('spec.hostNetwork'),
      'status.podIP': at('status.podIP'),
      'status.podIPs': at('status.podIP'),
    },
  },
  'core/nodes': { labels: { ...named, 'spec.unschedulable': flag('spec.unschedulable') } },
  'core/namespaces': { labels: { ...named, ...paths('status.phase') } },
  'core/secrets': { labels: { ...metadata, ...paths('type') } },
  'core/services': { labels: { ...metadata, ...paths('spec.clusterIP', 'spec.type') } },
  'core/replicationcontrollers': { labels: { ...metadata, 'status.replicas': count('status.replicas') } },
  'core/events': {
    labels: {
      ...metadata,
      ...paths(...objectPaths('involvedObject'), 'reason', 'reportingComponent', 'type'),
      source: (object) => at('source.component')(object) || at('reportingComponent')(object),
    },
  },
  'events.k8s.io/events': {
    labels: { ...metadata, ...paths(...objectPaths('regarding'), 'reason', 'reportingController', 'type') },
  },
  'apps/replicasets': { labels: { ...metadata, 'status.replicas': count('status.replicas') } },
  'apps/statefulsets': {
    labels: { ...metadata, 'status.successful': () => '' },
    refusal: (label) => `field label not supported for appsv1.StatefulSet: ${label}`,
  },
  'batch/jobs': {
    labels: { ...metadata, 'status.successful': count('status.succeeded') },
    refusal: (label) => `field label ${JSON.stringify(label)} not supported for Job`,
  },
}

/** Reads the value that a field selector's label stands for; refuses labels upstream does not know. */
export function fieldLabel(kind: Kind, label: string): Read {
  const own = byKind[`${kind.group || 'core'}/${kind.plural}`]
  const labels = own?.labels ?? metadata
  const read = Object.hasOwn(labels, label) ? labels[label] : undefined
  if (read) return read
  if (!own) throw badRequest(`"${label}" is not a known field selector: only "metadata.name", "metadata.namespace"`)
  throw badRequest(own.refusal?.(label) ?? `field label not supported: ${label}`)
}
